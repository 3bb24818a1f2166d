/** Networks by name, and loading published checkpoints into them. Runs on Node and in browsers. */
export {
  classesInFile,
  exactFits,
  fitNetworks,
  type LoadedNetwork,
  type LoadNetworkOptions,
  loadNetwork,
  type NetworkFit,
} from "./load.ts";
export { type KeyOf, keysOf, type Naming, rules, same, sourceShape } from "./naming.ts";
export { type Found, type Network, Networks, type Published } from "./networks.ts";
