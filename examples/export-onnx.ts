/**
 * Exports a network to an `.onnx` file, which runs wherever ONNX does.
 *
 *   node examples/export-onnx.ts [FILE]
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchNorm2d, Conv2d, Linear, Module, writeOnnx } from "@tessera-ml/nn";
import { compile, exportOnnx, type Tensor, zeros } from "@tessera-ml/tensor";

class Net extends Module {
  conv = new Conv2d(3, 8, 3, { padding: 1 });
  bn = new BatchNorm2d(8);
  head = new Linear(8, 10);
  forward(x: Tensor): Tensor {
    const y = this.bn.forward(this.conv.forward(x)).relu(); // [N, 8, H, W]
    return this.head.forward(y.mean([2, 3])); // [N, 10]
  }
}

const net = new Net().eval();
net.parameters(); // traverses the module, which names the parameters
const predict = compile((images: Tensor) => net.forward(images));
const exported = await exportOnnx(predict, [zeros([1, 3, 32, 32])], {
  inputNames: ["images"],
  outputNames: ["logits"],
  freeAxis: "batch",
});
const path = process.argv[2] ?? join(tmpdir(), "tessera-example.onnx");
await writeOnnx(path, exported);
console.log(`${path}: ${exported.model.byteLength} bytes`);
