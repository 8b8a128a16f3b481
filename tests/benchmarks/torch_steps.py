"""PyTorch's training steps, timed in a process of PyTorch's own Python; torch_peer.py starts it.

    python torch_steps.py lenet|resnet18 THREADS IMAGES LABELS BATCH PIXELS STEM WIDTH CLASSES RATE

IMAGES and LABELS are files of raw float32 (batch, channels, height, width) and int64. Each line of
standard input is a number of steps to make. Each line printed is the last loss, and the wall-clock
and the processor seconds that they took. It imports nothing but PyTorch, as another Python may have
neither NumPy nor Keras.
"""

import sys
import time

import torch
from torch import nn

MOMENTUM = 0.9


def lenet(channels, classes):
    """Return BioTorch's LeNet for images of 32 pixels."""
    return nn.Sequential(
        *(nn.Conv2d(channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes)),
    )


class Block(nn.Module):
    """ResNet v1's basic block."""

    def __init__(self, channels, filters, stride, *, projects):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Sequential()
        if projects:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18(channels, classes, stem, width):
    """Return a ResNet-18, with ImageNet's stem or one convolution of 3x3 for small images."""
    if stem == "imagenet":
        first, pool = nn.Conv2d(channels, width, 7, 2, 3, bias=False), [nn.MaxPool2d(3, 2, 1)]
    else:
        first, pool = nn.Conv2d(channels, width, 3, 1, 1, bias=False), []
    layers = [first, nn.BatchNorm2d(width), nn.ReLU(), *pool]
    before = width
    for stage in range(4):
        filters = width * 2**stage
        for block in range(2):
            changes = block == 0 and stage > 0
            layers.append(Block(before, filters, 2 if changes else 1, projects=changes))
            before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def sgd(model, network, rate):
    """Return the optimizer: BioTorch's for LeNet, the paper's for ResNet-18."""
    if network == "lenet":
        return torch.optim.SGD(model.parameters(), rate, momentum=MOMENTUM, weight_decay=1e-3)
    kernels = [each for each in model.parameters() if each.ndim > 1]
    others = [each for each in model.parameters() if each.ndim == 1]
    groups = [{"params": kernels, "weight_decay": 1e-4}, {"params": others}]
    return torch.optim.SGD(groups, rate, momentum=MOMENTUM, nesterov=True)


def read(path, kind, shape):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=kind).reshape(shape)


def main():
    """Make the steps that standard input asks for."""
    network, threads, images, labels, batch, pixels, stem, width, classes, rate = sys.argv[1:]
    torch.set_num_threads(int(threads))
    size, side = int(batch), int(pixels)
    x = read(images, torch.float32, (size, -1, side, side))
    y = read(labels, torch.int64, (size,))
    channels, count = x.shape[1], int(classes)
    if network == "lenet":
        model = lenet(channels, count)
    else:
        model = resnet18(channels, count, stem, int(width))
    # The layout that PyTorch recommends for convolutions on CPUs. LeNet takes a third less in it.
    model, x = (each.to(memory_format=torch.channels_last) for each in (model, x))
    optimizer = sgd(model, network, float(rate))
    parameters = sum(each.numel() for each in model.parameters())
    said = f"PyTorch {torch.__version__}, threads: {torch.get_num_threads()}"
    print(f"{said}, {parameters}", flush=True)
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        taken = time.perf_counter() - wall, time.process_time() - processor
        print(float(loss), *taken, flush=True)


if __name__ == "__main__":
    main()
