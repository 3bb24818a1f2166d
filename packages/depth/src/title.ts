/** How lists call the networks. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { Network } from "@tessera-ml/kit";

const SIZES: Readonly<Record<string, string>> = { s: "S", b: "B", l: "L", g: "G" };
const PLACES: Readonly<Record<string, string>> = { hypersim: "metric, indoor", vkitti: "metric, outdoor" };
const OTHERS: Readonly<Record<string, string>> = {
  da3metric_large: "Depth Anything 3 L, metric",
  da3mono_large: "Depth Anything 3 L",
  depth_lite0: "Depth Lite0",
  dpt_hybrid_384: "DPT-Hybrid",
  dpt_large_384: "DPT-Large",
  midas_v21_384: "MiDaS v2.1",
  midas_v21_small_256: "MiDaS v2.1 small",
};

/** `depth_anything_v2_vits.hf` → Depth Anything V2 S (transformers). */
export function titleOf(record: string): string {
  const [network = "", tag = ""] = record.split(".");
  const from = tag === "hf" ? " (transformers)" : "";
  const anything = /^depth_anything(_v2)?(?:_metric_(hypersim|vkitti))?_vit([sblg])(?:14)?$/.exec(network);
  if (anything) {
    const [, second, place, size] = anything;
    const kind = place === undefined ? "" : `, ${PLACES[place]}`;
    return `Depth Anything ${second ? "V2 " : ""}${SIZES[size!]}${kind}${from}`;
  }
  const video = /^(metric_)?video_depth_anything_vit([sbl])$/.exec(network);
  if (video) return `Video Depth Anything ${SIZES[video[2]!]}${video[1] ? ", metric" : ""}`;
  const v31 = /^dpt_(beit|swin2)_(large|base|tiny)_(\d+)$/.exec(network);
  if (v31) return `DPT ${v31[1] === "beit" ? "BEiT" : "Swin2"}-${v31[2]!.charAt(0).toUpperCase()} ${v31[3]}`;
  return (OTHERS[network] ?? network) + (network.startsWith("da3") ? "" : from);
}

/** Fields of a checkpoint in the studio's list. */
export function info(_: Network, { name }: CheckpointRecord): object {
  return { title: titleOf(name) };
}
