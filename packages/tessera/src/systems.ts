/** All systems: the one file that names them. A new system is its own package and a line here. */
import { imageClassification } from "@tessera-ml/vision/task";

export const systems = [imageClassification] as const;
