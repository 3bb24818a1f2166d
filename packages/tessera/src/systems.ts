/** All systems: the one file that names them. A new system is its own package and a line here. */
import { depthEstimation } from "@tessera-ml/depth/task";
import { maskGeneration } from "@tessera-ml/segment/task";
import { videoSegmentation } from "@tessera-ml/segment/track-task";
import { imageClassification } from "@tessera-ml/vision/task";

export const systems = [imageClassification, depthEstimation, maskGeneration, videoSegmentation] as const;
