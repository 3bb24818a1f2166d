/** How lists call the networks. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { Network } from "@tessera-ml/kit";

const SIZES: Readonly<Record<string, string>> = {
  tiny: "tiny",
  small: "small",
  base_plus: "base+",
  large: "large",
};

/** `sam2.1_hiera_base_plus.hf` → SAM 2.1 base+ (transformers). */
export function titleOf(record: string): string {
  const [name = "", tag] = /^(.*?)(?:\.(original|hf|tessera|run))?$/.exec(record)?.slice(1) ?? [];
  const from = tag === "hf" ? " (transformers)" : "";
  const second = /^sam2(\.1)?_hiera_(\w+)$/.exec(name);
  if (second) return `SAM 2${second[1] ?? ""} ${SIZES[second[2] as string] ?? second[2]}${from}`;
  const first = /^sam_vit_([blh])$/.exec(name);
  if (first) return `SAM ViT-${first[1]?.toUpperCase()}${from}`;
  if (name === "mobile_sam") return "MobileSAM";
  if (name === "sam2_lite") return "SAM 2 Lite";
  return name + from;
}

/** Fields of a checkpoint in the studio's list. */
export function info(_: Network, { name }: CheckpointRecord): object {
  return { title: titleOf(name) };
}
