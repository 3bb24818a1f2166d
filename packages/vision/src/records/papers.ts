/** The papers the families come from. */
export const papers = {
  alexnet: "Krizhevsky, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997",
  vgg: "Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, arXiv:1409.1556",
  googlenet: "Szegedy et al., Going deeper with convolutions, arXiv:1409.4842",
  resnet: "He et al., Deep residual learning for image recognition, arXiv:1512.03385",
  resnetStrikesBack: "Wightman et al., ResNet strikes back, arXiv:2110.00476",
  densenet: "Huang et al., Densely connected convolutional networks, arXiv:1608.06993",
  senet: "Hu et al., Squeeze-and-excitation networks, arXiv:1709.01507",
  mobilenetv1: "Howard et al., MobileNets, arXiv:1704.04861",
  mobilenetv2: "Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, arXiv:1801.04381",
  vit: "Dosovitskiy et al., An image is worth 16x16 words, arXiv:2010.11929",
  augreg: "Steiner et al., How to train your ViT?, arXiv:2106.10270",
  deit: "Touvron et al., Training data-efficient image transformers, arXiv:2012.12877",
  convnext: "Liu et al., A ConvNet for the 2020s, arXiv:2201.03545",
  convnextv2: "Woo et al., ConvNeXt V2, arXiv:2301.00808",
  swin: "Liu et al., Swin Transformer, arXiv:2103.14030",
} as const;
