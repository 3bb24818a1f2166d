/** The data sets of image classification, as plain data. */
import type { DataFile } from "@tessera-ml/hub";
import { cifarClasses, digits } from "../classes/index.ts";
import { imagenetSampleFiles } from "./imagenet-sample.ts";
import type { ImageDataset, Split } from "./record.ts";

function idx(
  split: Split,
  kind: "images-idx3" | "labels-idx1",
  bases: readonly string[],
  size: number,
  sha256: string,
  more: Partial<DataFile> = {},
): DataFile {
  const file = `${split === "train" ? "train" : "t10k"}-${kind}-ubyte.gz`;
  return { file, split, urls: bases.map((base) => `${base}/${file}`), size, sha256, ...more };
}

const mnistBases = [
  "https://storage.googleapis.com/cvdf-datasets/mnist",
  "https://ossci-datasets.s3.amazonaws.com/mnist",
  "http://yann.lecun.com/exdb/mnist",
];

function mnistFile(
  split: Split,
  kind: "images-idx3" | "labels-idx1",
  size: number,
  sha256: string,
  contentSha256: string,
): DataFile {
  const file = idx(split, kind, mnistBases, size, sha256, { contentSha256 });
  return { ...file, shared: `image/mnist/${file.file}` };
}

const fashionBases = [
  "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
  "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
];

function uspsFile(split: Split): DataFile {
  const file = `zip.${split}.gz`;
  const bases = ["https://hastie.su.domains", "https://web.stanford.edu/~hastie"];
  return { file, split, urls: bases.map((base) => `${base}/ElemStatLearn/datasets/${file}`) };
}

function uspsShared(split: Split, file: string, sha256: string): DataFile {
  return { file, split, urls: [], sha256, shared: `image/usps/${file}` };
}

// Sizes and hashes of MNIST, Fashion-MNIST and CIFAR-10 are those of tensorflow-datasets; those of unpublished
// files are computed from the files.
export const records = {
  mnist: {
    kind: "samples",
    name: "mnist",
    title: "MNIST, handwritten digits",
    licence: "CC-BY-SA-3.0",
    home: "http://yann.lecun.com/exdb/mnist",
    reference:
      "LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998",
    classes: digits,
    shape: [1, 28, 28],
    pixels: "uint8",
    splits: { train: 60_000, test: 10_000 },
    forms: [
      {
        format: "idx",
        files: [
          mnistFile(
            "train",
            "images-idx3",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
          ),
          mnistFile(
            "train",
            "labels-idx1",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
          ),
          mnistFile(
            "test",
            "images-idx3",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
          ),
          mnistFile(
            "test",
            "labels-idx1",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
          ),
        ],
      },
    ],
  },
  "fashion-mnist": {
    kind: "samples",
    name: "fashion-mnist",
    title: "Fashion-MNIST, articles of clothing",
    licence: "MIT",
    home: "https://github.com/zalandoresearch/fashion-mnist",
    reference: "Xiao et al., Fashion-MNIST, arXiv:1708.07747",
    classes: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
    shape: [1, 28, 28],
    pixels: "uint8",
    splits: { train: 60_000, test: 10_000 },
    forms: [
      {
        format: "idx",
        files: [
          idx(
            "train",
            "images-idx3",
            fashionBases,
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
          ),
          idx(
            "train",
            "labels-idx1",
            fashionBases,
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
          ),
          idx(
            "test",
            "images-idx3",
            fashionBases,
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
          ),
          idx(
            "test",
            "labels-idx1",
            fashionBases,
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
          ),
        ],
      },
    ],
  },
  usps: {
    kind: "samples",
    name: "usps",
    title: "USPS, digits of zip codes",
    licence: "research",
    home: "https://hastie.su.domains/ElemStatLearn",
    reference:
      "LeCun et al., Backpropagation applied to handwritten zip code recognition, Neural Computation 1(4), 1989",
    classes: digits,
    shape: [1, 16, 16],
    pixels: "float32",
    splits: { train: 7_291, test: 2_007 },
    forms: [
      { format: "usps-text", files: [uspsFile("train"), uspsFile("test")] },
      {
        format: "usps-f32",
        files: [
          uspsShared(
            "train",
            "usps_train_f32_n7291x256.bin.gz",
            "68b730537adc6deed9cbb53e05d942fc1ac8e231a7434770b0b450de2fe05407",
          ),
          uspsShared(
            "train",
            "usps_train_labels_u8.bin",
            "ee5027fd47b76715ac18ca27e72fa1332bde98e0b8ce593b503bb2bdb6c03da0",
          ),
          uspsShared(
            "test",
            "usps_test_f32_n2007x256.bin.gz",
            "cd9c527be63539bde161c7d8f8dc4d8f8edec604a4761695210c7d99f1476529",
          ),
          uspsShared(
            "test",
            "usps_test_labels_u8.bin",
            "0b8b792b8ca1c5c704fd9d5bbd1b261623a359e6c8c65b23db428257beea7800",
          ),
        ],
      },
    ],
    note: "0 is paper, 1 is ink. No checksum is published; the reader checks the number of rows, columns and values.",
  },
  cifar10: {
    kind: "samples",
    name: "cifar10",
    title: "CIFAR-10, exact",
    licence: "research",
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    reference: "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
    classes: cifarClasses,
    shape: [3, 32, 32],
    pixels: "uint8",
    splits: { train: 50_000, test: 10_000 },
    forms: [
      {
        format: "cifar-archive",
        files: [
          {
            file: "cifar-10-binary.tar.gz",
            urls: ["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
            size: 170_052_171,
            sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
          },
        ],
      },
    ],
  },
  "cifar10-jpeg": {
    kind: "samples",
    name: "cifar10-jpeg",
    title: "CIFAR-10 as lossy JPEG",
    licence: "research",
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    reference: "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
    classes: cifarClasses,
    shape: [3, 32, 32],
    pixels: "uint8",
    splits: { train: 50_000, test: 10_000 },
    forms: [
      {
        format: "cifar-jpeg",
        files: [
          {
            file: "cifar10_jpeg_60000.tar.gz",
            urls: [],
            sha256: "625140b875498f5e3e1d7c498a9705ea8568e6561012291de230612d8d1df110",
            shared: "image/cifar10/cifar10_jpeg_60000.tar.gz",
          },
        ],
      },
    ],
    note:
      "Ordered by class. The loss matters: a network trained on the exact images scores 91.78 % on the exact test set " +
      "but 81.03 % on this one.",
  },
  "cifar10-sample": {
    kind: "samples",
    name: "cifar10-sample",
    title: "CIFAR-10, the first 4,000 training images, exact",
    licence: "research",
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    reference: "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
    classes: cifarClasses,
    shape: [3, 32, 32],
    pixels: "uint8",
    splits: { train: 4_000 },
    forms: [
      {
        format: "cifar-records",
        files: [
          {
            file: "cifar10_train_first4000_lossless.bin.gz",
            split: "train",
            urls: [],
            sha256: "fbcf11b204bf0dae8db510f463c54cf6c09097ef376f09a1d1fac24df3a1268f",
            shared: "image/cifar10/cifar10_train_first4000_lossless.bin.gz",
          },
        ],
      },
    ],
  },
  "imagenet-sample": {
    kind: "photographs",
    name: "imagenet-sample",
    title: "ImageNet, 100 photographs, one of every tenth class",
    licence: "research",
    home: "https://github.com/EliSchwartz/imagenet-sample-images",
    reference: "Russakovsky et al., ImageNet large scale visual recognition challenge, arXiv:1409.0575",
    forms: [{ format: "photographs", files: imagenetSampleFiles }],
  },
} as const satisfies Record<string, ImageDataset>;

export function datasetRecords(): ImageDataset[] {
  return Object.values(records);
}
