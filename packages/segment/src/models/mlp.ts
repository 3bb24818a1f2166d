/** Feed-forward networks under the names of SAM and SAM 2. */
import { Linear, Module } from "@tessera-ml/nn";
import { gelu, type Tensor } from "@tessera-ml/tensor";

/** Linear layers with ReLU between them, [..., D] → [..., E]. Parameters: `layers.0`, `layers.1`, … */
export class Mlp extends Module {
  layers: Linear[];
  readonly activation: (x: Tensor) => Tensor;

  /** @param widths of the input, the hidden layers and the output */
  constructor(widths: readonly number[], activation: (x: Tensor) => Tensor = (x) => x.relu()) {
    super();
    this.activation = activation;
    this.layers = widths.slice(1).map((width, i) => new Linear(widths[i] as number, width));
  }
  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer, i) => layer.forward(i === 0 ? y : this.activation(y)), x);
  }
}

/** Two linear layers, [..., D] → [..., D]. Parameters: `lin1`, `lin2`, as in SAM. */
export class LinMlp extends Module {
  lin1: Linear;
  lin2: Linear;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dim: number, hidden: number, activation: (x: Tensor) => Tensor = gelu) {
    super();
    this.lin1 = new Linear(dim, hidden);
    this.lin2 = new Linear(hidden, dim);
    this.activation = activation;
  }
  forward(x: Tensor): Tensor {
    return this.lin2.forward(this.activation(this.lin1.forward(x)));
  }
}
