/** The networks that cases of SAM 2 name. */
import { record } from "@tessera-ml/nn/golden";
import { Sam2, type Sam2Config, sam2Configs } from "../models/sam2/sam2.ts";
import { fill } from "./case.ts";

/** `{ size: "base-plus", version: "2.1", imageSize: 256 }` */
export function sam2Config(json: unknown, where: string): Sam2Config {
  const { size, version, imageSize } = record(json, where);
  const name = `${version === "2.0" ? "sam2" : `sam${version}`}_hiera_${String(size).replace("-", "_")}`;
  const config = (sam2Configs as Readonly<Record<string, Sam2Config>>)[name];
  if (!config)
    throw new Error(
      `${where}: expected a size and version of ${Object.keys(sam2Configs).join(", ")}, got ${name}`,
    );
  return { ...config, image: Number(imageSize) };
}

export function filledSam2(json: unknown, rules: unknown, where: string): Sam2 {
  return fill(new Sam2(sam2Config(json, `${where}.model`)), rules, where);
}
