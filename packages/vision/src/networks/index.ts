/** Every classification network by name. */
import { Networks } from "@tessera-ml/kit/networks";
import type { Classifier } from "../classifier.ts";
import { cifarNetworks } from "./cifar.ts";
import { classics } from "./classic.ts";
import type { ClassifierNetwork, CreateOptions } from "./define.ts";
import { mobilenets } from "./mobilenets.ts";
import { resnets } from "./resnets.ts";
import { transformers } from "./transformers.ts";

export const networks = new Networks<ClassifierNetwork>();

for (const network of [...classics, ...resnets, ...mobilenets, ...transformers]) networks.add(network);
for (const network of cifarNetworks((name) => networks.find(name).network)) networks.add(network);

/** Builds a network by name, with freshly initialized parameters. */
export function createNetwork(name: string, options?: CreateOptions): Classifier {
  return networks.find(name).create(options);
}

export type { ClassifierNetwork, CreateOptions };
