/** Windows of a map of tokens, padded with zeros at the bottom and right to whole windows. */
import type { Tensor } from "@tessera-ml/tensor";

/** [B, H, W, C] → [B · windows, window, window, C] */
export function partition(x: Tensor, window: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [rows, columns] = [Math.ceil(height / window), Math.ceil(width / window)];
  const [below, right] = [rows * window - height, columns * window - width];
  const padded =
    below > 0 || right > 0
      ? x.pad([
          [0, 0],
          [0, below],
          [0, right],
          [0, 0],
        ])
      : x;
  return padded
    .reshape([batch, rows, window, columns, window, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([batch * rows * columns, window, window, channels]);
}

/** The inverse of `partition`, without the padding: [B · windows, window, window, C] → [B, H, W, C] */
export function unpartition(windows: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [count, window, , channels] = windows.shape as [number, number, number, number];
  const [rows, columns] = [Math.ceil(height / window), Math.ceil(width / window)];
  const batch = count / (rows * columns);
  const map = windows
    .reshape([batch, rows, columns, window, window, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([batch, rows * window, columns * window, channels]);
  return map.narrow(1, 0, height).narrow(2, 0, width);
}
