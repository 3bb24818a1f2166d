"""Depth Anything V2 Small by transformers, in PyTorch eager on the CPU.

    depth_torch.py THREADS IMAGES_FOLDER MODELS_FOLDER
"""

import sys

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

from torch_peer import digest, serve

IMAGES, MODELS = sys.argv[2:4]


class Estimate:
    def __init__(self, workload):
        self.file = f"{IMAGES}/{workload.split('.')[1]}.jpg"
        self.processor = AutoImageProcessor.from_pretrained(f"{MODELS}/published")
        self.net, report = AutoModelForDepthEstimation.from_pretrained(
            f"{MODELS}/published", output_loading_info=True
        )
        wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
        if wrong:
            raise ValueError(f"the checkpoint does not fit: {wrong}")
        self.net.eval()

    def run(self):
        image = Image.open(self.file).convert("RGB")
        inputs = self.processor(images=image, return_tensors="pt")
        with torch.inference_mode():
            outputs = self.net(**inputs)
        [result] = self.processor.post_process_depth_estimation(outputs, target_sizes=[image.size[::-1]])
        self.map = result["predicted_depth"]

    def value(self):
        return digest(self.map)


serve(Estimate)
