/**
 * How SAM 2 is optimized (Ravi et al. 2024, appendix D.2): AdamW, an encoder that learns more slowly than the rest, the
 * more so the nearer its layers are to the pixels, and a rate that falls along a cosine.
 */
import { AdamW, LayerNorm, LayerNorm2d, type Module, schedules } from "@tessera-ml/nn";

export interface Sam2Training {
  /** Length of the run, over which the rates fall. */
  readonly steps: number;
  /** Of everything but the encoder. Default 5e-6, that of the published fine-tuning. */
  readonly lr?: number;
  /** Of the encoder's neck and last layers. Default 0.6 of `lr`. */
  readonly encoderLr?: number;
  /** What a layer of the encoder learns less than the next one. Default 0.9. */
  readonly layerDecay?: number;
  /** Rates at the end, in those at the start. Default 0.1. */
  readonly end?: number;
  /** Steps in which the rates rise. Default 0. */
  readonly warmUp?: number;
  /** Default 0.1. */
  readonly weightDecay?: number;
}

/** How one parameter is optimized. */
export interface ParameterRule {
  /** In the rate of everything but the encoder. */
  readonly lrScale: number;
  readonly weightDecay: number;
}

const TRUNK = /^image_encoder\.trunk\./;
const BLOCK = /^image_encoder\.trunk\.blocks\.(\d+)\./;

/**
 * The rule of every parameter by its path. Biases and layer norms do not decay, other norms do, as in the authors' code.
 * Tables of positions learn like the last layer of the encoder.
 */
export function parameterRules(
  model: Module,
  training: Omit<Sam2Training, "steps" | "end" | "warmUp"> = {},
): Map<string, ParameterRule> {
  const { lr = 5e-6, encoderLr = 0.6 * lr, layerDecay = 0.9, weightDecay = 0.1 } = training;
  const paths = [...model.parameters().keys()];
  const blocks = 1 + Math.max(-1, ...paths.map((path) => Number(BLOCK.exec(path)?.[1] ?? -1)));
  const norms = new Set(
    [...model.namedModules()].flatMap(([path, module]) =>
      module instanceof LayerNorm && !(module instanceof LayerNorm2d)
        ? [`${path}.weight`, `${path}.bias`]
        : [],
    ),
  );
  const scaleOf = (path: string) => {
    if (!path.startsWith("image_encoder.")) return 1;
    const decays = TRUNK.test(path) && !path.includes("pos_embed");
    const layer = Number(BLOCK.exec(path)?.[1] ?? -1) + 1;
    return (encoderLr / lr) * (decays ? layerDecay ** (blocks + 1 - layer) : 1);
  };
  return new Map(
    paths.map((path) => [
      path,
      { lrScale: scaleOf(path), weightDecay: path.includes("bias") || norms.has(path) ? 0 : weightDecay },
    ]),
  );
}

/** The rate of everything but the encoder. */
export function sam2Schedule({ steps, lr = 5e-6, end = 0.1, warmUp = 0 }: Sam2Training): schedules.Schedule {
  const fall = schedules.cosine({ from: lr, to: end * lr, steps: Math.max(1, steps - warmUp) });
  return warmUp > 0 ? schedules.warmUp(warmUp, fall) : fall;
}

export function sam2Optimizer(model: Module, training: Sam2Training): AdamW {
  const rules = parameterRules(model, training);
  const key = ({ lrScale, weightDecay }: ParameterRule) => `${lrScale} ${weightDecay}`;
  const distinct = new Map([...rules.values()].map((rule) => [key(rule), rule]));
  return new AdamW(model, {
    lr: sam2Schedule(training),
    groups: [...distinct].map(([name, rule]) => ({
      match: (path: string) => key(rules.get(path) as ParameterRule) === name,
      ...rule,
    })),
  });
}
