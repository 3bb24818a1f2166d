"""Image classification in PyTorch eager on the CPU, with PIL and torchvision's transforms and networks.

    vision_torch.py THREADS IMAGES_FOLDER
"""

import glob
import sys

import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

from torch_peer import digest, parameter, serve

FILES = sorted(glob.glob(f"{sys.argv[2]}/*.jpg"))
TRANSFORM = v2.Compose(
    [
        v2.Resize(256),
        v2.CenterCrop(224),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


class Classify:
    def __init__(self, workload):
        kind, network = workload.split(".", 1)
        self.files = FILES[:1] if kind == "latency" else FILES
        self.net = getattr(torchvision.models, network)().eval()
        state = self.net.state_dict()
        self.net.load_state_dict(
            {
                key: value if key.endswith("num_batches_tracked") else parameter(key, value.shape)
                for key, value in state.items()
            }
        )

    def run(self):
        images = torch.stack([TRANSFORM(Image.open(file).convert("RGB")) for file in self.files])
        with torch.inference_mode():
            self.logits = self.net(images)
            self.top = self.logits.softmax(-1).topk(5)

    def value(self):
        return digest(self.logits)


serve(Classify)
