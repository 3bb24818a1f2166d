/** What was new in each family, for the lineage. */

interface Novelty {
  /** Fits the names of its networks. */
  readonly of: RegExp;
  readonly text: string;
}

const NOVELTIES: readonly Novelty[] = [
  {
    of: /^lecun1989/,
    text: "Learns its own feature detectors: the same small weights slide over the whole image, so that a stroke is found wherever it lies. Trained by backpropagation on scanned zip codes, with fewer than ten thousand parameters.",
  },
  {
    of: /^lenet/,
    text: "Alternates convolutions with subsampling, so that maps become smaller, more and more tolerant of shifts. Its pattern of shrinking maps and growing channels has stayed with us; banks read cheques with it.",
  },
  {
    of: /^digitnet/,
    text: "The same task with what was learned since: rectified units, batch normalisation and augmented samples. It is here to show how much of the progress on digits is training, not size.",
  },
  {
    of: /^alexnet/,
    text: "Rectified linear units, dropout and augmentation made a deep network trainable on a million photographs, on two graphics cards. Its win of the ImageNet contest by ten points turned the field.",
  },
  {
    of: /^vgg/,
    text: "Nothing but 3 × 3 convolutions, stacked: two see as far as one of 5 × 5, with fewer weights and one more nonlinearity. Depth became the thing to vary, all else being equal.",
  },
  {
    of: /^googlenet/,
    text: "Branches of several filter sizes run side by side, and 1 × 1 convolutions narrow the channels before the costly ones. Averaging over the last maps replaces the huge fully connected layers.",
  },
  {
    of: /^(seresnet|senet)/,
    text: "Every block looks at its own output as a whole and decides how loud each channel is to be. The gate costs hardly anything and helps at every size.",
  },
  {
    of: /^resnet/,
    text: "Each block adds to its input instead of replacing it, so that gradients have a straight way back. Networks a hundred layers deep became easier to train than plain ones of twenty.",
  },
  {
    of: /^densenet/,
    text: "Every layer reads the outputs of all before it in its block, and adds only a few maps of its own. Features are reused, so the same accuracy takes fewer parameters.",
  },
  {
    of: /^mobilenet/,
    text: "Splits a convolution into one filter per channel and a 1 × 1 mixing step, at roughly an eighth of the work. The second version keeps its residual paths narrow and computes in between, on wide ones.",
  },
  {
    of: /^vit/,
    text: "Cuts the image into patches and treats them as words: attention lets every patch look at every other from the first block on. Nothing in it knows that neighbours belong together, so it wants much more data.",
  },
  {
    of: /^swin/,
    text: "Attention within small windows that shift from block to block, on maps that shrink as in a convolutional network. The cost grows with the picture's area and no longer with its square.",
  },
  {
    of: /^convnext/,
    text: "A plain residual network modernised step by step with what transformers had brought: 7 × 7 depthwise filters, fewer activations, layer normalisation. It shows that convolutions had not been the limit.",
  },
  {
    of: /^speedrun/,
    text: "Everything tuned for time: a fixed whitening layer first, a few wide blocks, few passes over the data. What once took a day of a graphics card takes minutes on two cores.",
  },
];

/** Two sentences about a network, or nothing. */
export function noveltyOf(network: string): string | undefined {
  const bare = network.replace(/^cifar_/, "");
  return NOVELTIES.find(({ of }) => of.test(bare))?.text;
}
