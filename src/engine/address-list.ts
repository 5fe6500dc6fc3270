/** The options `allow` and `deny`: lists of addresses. Matching is node:net's `BlockList`. */
import { BlockList, isIP } from "node:net";
import { invalidOption, show } from "../base/options.ts";

/**
 * Whether an address is one of `entries`: addresses and CIDR ranges, IPv4 and IPv6. An IPv4-mapped IPv6
 * address is the IPv4 address, on either side.
 * @throws LanError OPTION_INVALID for an entry that is neither.
 */
export function addressList(name: string, entries: unknown): (ip: string) => boolean {
  if (!Array.isArray(entries)) throw invalidOption(name, "must be a list of addresses and CIDR ranges");
  const list = new BlockList();
  for (const entry of entries) addEntry(name, list, entry);
  return (ip) => list.check(ip, isIP(ip) === 6 ? "ipv6" : "ipv4");
}

const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

function addEntry(name: string, list: BlockList, entry: unknown): void {
  const [, given = "", prefixText] =
    typeof entry === "string" ? (/^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []) : [];
  const address = given.replace(MAPPED, "");
  const family = isIP(address);
  const widest = family === 6 ? 128 : 32;
  // The mapped range ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const prefix = prefixText === undefined ? widest : Number(prefixText) - (address === given ? 0 : 96);
  if (family === 0 || prefix < 0 || prefix > widest) {
    throw invalidOption(name, `${show(entry)} is no address and no CIDR range`);
  }
  list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
}
