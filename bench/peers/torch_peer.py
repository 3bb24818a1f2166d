"""PyTorch eager on the CPU as a contestant: one JSON request per line on stdin, one JSON answer on stdout.

The networks and values match ../workloads/models.ts and ../workloads/fill.ts.
"""

import json
import math
import os
import sys
import time

THREADS = int(sys.argv[1])
os.environ["OMP_NUM_THREADS"] = str(THREADS)

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(THREADS)
MASK = 0xFFFFFFFF


def mix(h):
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def uniform(name, shape, scale=1.0, center=0.0):
    seed = 0x811C9DC5
    for character in name:
        seed = ((seed ^ ord(character)) * 0x01000193) & MASK
    h = (torch.arange(math.prod(shape), dtype=torch.int64) * 0x9E3779B1 + seed) & MASK
    return (center + scale * (mix(h).double() / 2**31 - 1)).float().reshape(shape)


def parameter(name, shape):
    if len(shape) > 1:
        return uniform(name, shape, math.sqrt(3 * shape[0] / math.prod(shape)))
    is_scale = name.endswith(".weight") or name.endswith(".running_var")
    return uniform(name, shape, 0.1, 1.0 if is_scale else 0.0)


def digest(tensor):
    x = tensor.detach().double().flatten()
    at = torch.arange(x.numel(), dtype=torch.int64) * 8
    projections = [(x * (mix((at + k) & MASK).double() / 2**31 - 1)).sum().item() for k in range(8)]
    return [x.norm().item(), *projections]


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


def shortcut(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class Basic(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, block, expansion, blocks, classes, imagenet):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False) if imagenet else nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        inputs = 64
        for stage, count in enumerate(blocks):
            width = 64 * 2**stage
            layers = []
            for index in range(count):
                layers.append(block(inputs, width, 2 if stage > 0 and index == 0 else 1))
                inputs = width * expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, 4 * dim), "fc2": nn.Linear(4 * dim, dim)})

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Vit(nn.Module):
    def __init__(self, patch, tokens, dim, depth, heads, classes=None):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, dim))
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Identity() if classes is None else nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x)[:, 0]))


NETWORKS = {
    "train.lenet5": (LeNet5, (64, 28, 28, 1)),
    "train.resnet18": (lambda: ResNet(Basic, 1, (2, 2, 2, 2), 10, False), (64, 32, 32, 3)),
    "train.transformer": (lambda: Vit(4, 65, 256, 6, 4, 10), (64, 32, 32, 3)),
    "infer.resnet50": (lambda: ResNet(Bottleneck, 4, (3, 4, 6, 3), 1000, True), (1, 224, 224, 3)),
    "infer.vit-s14": (lambda: Vit(14, 1370, 384, 12, 6), (1, 518, 518, 3)),
}
OPTIMIZERS = {
    "train.lenet5": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "train.resnet18": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=5e-4),
    "train.transformer": lambda p: torch.optim.Adam(p, lr=1e-3),
}


def build(name):
    make, shape = NETWORKS[name]
    net = make()
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                value.copy_(parameter(key, tuple(value.shape)))
    # Images are generated channels-last and used in PyTorch's NCHW order.
    return net, uniform("images", shape).permute(0, 3, 1, 2).contiguous()


class Matmul:
    def __init__(self):
        self.a, self.b = uniform("a", (1024, 1024)), uniform("b", (1024, 1024))

    def run(self):
        with torch.inference_mode():
            self.c = self.a @ self.b

    def value(self):
        return digest(self.c)


class Conv:
    def __init__(self, backward):
        self.backward = backward
        self.x = uniform("x", (8, 64, 56, 56)).requires_grad_(backward)
        self.w = uniform("w", (64, 64, 3, 3)).requires_grad_(backward)
        self.dy = uniform("dy", (8, 64, 56, 56))

    def run(self):
        with torch.set_grad_enabled(self.backward):
            self.y = F.conv2d(self.x, self.w, padding=1)
            if self.backward:
                self.dx, self.dw = torch.autograd.grad(self.y, (self.x, self.w), self.dy)

    def value(self):
        results = [self.y, self.dx, self.dw] if self.backward else [self.y]
        return [number for result in results for number in digest(result)]


class Train:
    def __init__(self, name):
        self.net, self.images = build(name)
        self.labels = torch.arange(self.images.shape[0]) * 7 % 10
        self.optimizer = OPTIMIZERS[name](self.net.parameters())

    def run(self):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()

    def value(self):
        return [self.loss]


class Infer:
    def __init__(self, name):
        self.net, self.images = build(name)
        self.net.eval()

    def run(self):
        with torch.inference_mode():
            self.y = self.net(self.images)

    def value(self):
        return digest(self.y)


def prepare(name):
    if name == "matmul":
        return Matmul()
    if name.startswith("conv."):
        return Conv(name == "conv.backward")
    return Train(name) if name in OPTIMIZERS else Infer(name)


def serve(prepare):
    """Serves requests until stdin closes."""
    answers, sys.stdout = sys.stdout, sys.stderr
    job = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "about":
                answer = {"about": f"PyTorch {torch.__version__} eager, {torch.get_num_threads()} threads"}
            elif request["do"] == "prepare":
                job = prepare(request["workload"])
                answer = {"ready": True}
            elif request["do"] == "run":
                times = []
                for _ in range(request["iterations"]):
                    start = time.perf_counter()
                    job.run()
                    times.append(1000 * (time.perf_counter() - start))
                answer = {"ms": times}
            else:
                answer = {"value": job.value()}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(prepare)
