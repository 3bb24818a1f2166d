/** The words of network names, spelled as their authors spell them. */
const WORDS: Readonly<Record<string, string>> = {
  alexnet: "AlexNet",
  bn: "with batch norm",
  convnext: "ConvNeXt",
  convnextv: "ConvNeXt V",
  deit: "DeiT",
  densenet: "DenseNet",
  digitnet: "DigitNet",
  googlenet: "GoogLeNet",
  lecun: "LeCun",
  lenet: "LeNet",
  mobilenet: "MobileNet",
  mobilenetv: "MobileNet V",
  resnet: "ResNet",
  resnext: "ResNeXt",
  senet: "SENet",
  seresnet: "SE-ResNet",
  softmax: "with softmax",
  swin: "Swin",
  tf: "(TensorFlow)",
  vgg: "VGG",
  vit: "ViT",
};

const SIZES: Readonly<Record<string, string>> = { tiny: "Ti", small: "S", base: "B", large: "L" };

/** A network's display name: `vit_base_patch16_224` → ViT-B/16, `cifar_resnet20` → ResNet-20 for CIFAR. */
export function titleOf(network: string): string {
  const vit = /^(vit|deit)_(\w+?)_patch(\d+)_(\d+)$/.exec(network);
  if (vit) {
    const [, kind, size, patch, side] = vit;
    return `${WORDS[kind!]}-${SIZES[size!] ?? size}/${patch}${side === "224" ? "" : ` at ${side}`}`;
  }
  if (network.startsWith("cifar_")) return `${titleOf(network.slice(6))} for CIFAR`;
  return network
    .split("_")
    .map((word) => {
      const [, letters = "", digits = ""] = /^([a-z]*)(.*)$/.exec(word)!;
      const name = WORDS[letters] ?? letters.replace(/^./, (first) => first.toUpperCase());
      if (digits === "" || letters === "" || letters.length === 1) return `${name}${digits}`;
      if (/ V$/.test(name)) return name + digits;
      return `${name}${letters === "lecun" ? " " : "-"}${digits}`;
    })
    .join(" ");
}
