/** What was new in each family, for the lineage. */

interface Novelty {
  /** Matches the names of its networks. */
  readonly of: RegExp;
  readonly text: string;
}

const NOVELTIES: readonly Novelty[] = [
  {
    of: /^lecun1989/,
    text: "Learns its own feature detectors: the same few weights slide over the whole image and find a stroke wherever it is. Trained by backpropagation on scanned zip codes, with fewer than ten thousand parameters.",
  },
  {
    of: /^lenet/,
    text: "Alternates convolution with subsampling, so that maps shrink and tolerate shifts. The pattern of shrinking maps and growing channels has lasted; banks read cheques with it.",
  },
  {
    of: /^digitnet/,
    text: "The same task with later ideas: rectified units, batch normalisation and augmentation. It shows how much of the progress on digits came from training, not size.",
  },
  {
    of: /^alexnet/,
    text: "Rectified linear units, dropout and augmentation made a deep network trainable on a million photographs, on two graphics cards. It won the 2012 ImageNet contest by ten points and turned the field.",
  },
  {
    of: /^vgg/,
    text: "Only 3 × 3 convolutions, stacked: two see as far as one of 5 × 5, with fewer weights and one more nonlinearity. Depth became the one thing to vary.",
  },
  {
    of: /^googlenet/,
    text: "Filters of several sizes run side by side, and 1 × 1 convolutions narrow the channels before the costly ones. Averaging the last maps replaces the huge fully connected layers.",
  },
  {
    of: /^(seresnet|senet)/,
    text: "Each block averages its output and learns how much of each channel to let through. The gate costs almost nothing and helps at every size.",
  },
  {
    of: /^resnet/,
    text: "Each block adds to its input instead of replacing it, so gradients have a direct path back. Networks of a hundred layers became easier to train than plain ones of twenty.",
  },
  {
    of: /^densenet/,
    text: "Each layer reads the outputs of all earlier layers in its block and adds a few maps. Reusing features gives the same accuracy with fewer parameters.",
  },
  {
    of: /^mobilenet/,
    text: "Splits a convolution into one filter per channel and a 1 × 1 mixing step, for about an eighth of the work. Version 2 keeps residual paths narrow and computes on wide maps in between.",
  },
  {
    of: /^vit/,
    text: "Cuts the image into patches and treats them as words: attention lets each patch look at all others from the first block on. It has no built-in notion of neighbourhood, so it needs much more data.",
  },
  {
    of: /^swin/,
    text: "Attention within small windows that shift from block to block, on maps that shrink as in a convolutional network. Cost grows with the area of the picture, not its square.",
  },
  {
    of: /^convnext/,
    text: "A residual network modernised step by step with ideas from transformers: 7 × 7 depthwise filters, fewer activations, layer normalisation. It showed that convolution was not the limit.",
  },
  {
    of: /^speedrun/,
    text: "Tuned for training time: a fixed whitening layer first, a few wide blocks, few passes over the data. What once took a graphics card a day takes minutes on two cores.",
  },
];

/** Two sentences about a network, if there are any. */
export function noveltyOf(network: string): string | undefined {
  const bare = network.replace(/^cifar_/, "");
  return NOVELTIES.find(({ of }) => of.test(bare))?.text;
}
