/** Types of packets that the server under test treats in a way that others must know of. */

/** `u16 type | 16 bytes secret`: whoever sends it is a healthy session, and is echoed from then on. */
export const TYPE_HEALTHY = 0xec40;
/** The handler ends the session in order. */
export const TYPE_DISCONNECT = 0xdead;
/** The handler resets the session. */
export const TYPE_RESET = 0xdeae;
/** All other types are read as one of so many shapes, by their low bits. */
export const SHAPES = 16;
