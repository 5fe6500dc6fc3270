/** Names one session of one server or client; never reused, never 0. The session room makes them. */
export type SessionId = number & { readonly __brand: "SessionId" };
