"""ResNet-18 as torchvision writes it (BasicBlock, with its names of parameters), in evaluation, of random weights and images.

torchvision itself is not asked for: the structure is written out below, after `torchvision/models/resnet.py`.

    python tests/reference/make_resnet.py             # resnet.safetensors and resnet_images.safetensors, beside this script
    python tests/reference/make_resnet.py full DIR    # the same at full width, of 3 x 64 x 64, with an experiment for it
    python tests/reference/make_resnet.py check DIR   # compares what `isogram run` wrote into DIR/run with PyTorch

`resnet.safetensors` is a `state_dict` as it is saved, in float32 and int64, of 3 to 24 channels. `resnet_images.safetensors` has
`images`, and in float64 what float64 makes of them: `logits`, and `layer1` to `layer4`.
"""

import sys
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
TOML = """
name = "resnet18"
steps = 1
seeds = 1
[model]
input_shape = [3, {size}, {size}]
init_from = "resnet.safetensors"
layers = [
  {{ kind = "conv2d", name = "conv1", out_channels = {w}, kernel_size = 7, stride = 2, padding = 3, bias = false }},
  {{ kind = "batch_norm", name = "bn1", activation = "relu" }},
  {{ kind = "max_pool", name = "maxpool", kernel_size = 3, stride = 2, padding = 1 }},
{stages}
  {{ kind = "global_avg_pool", name = "avgpool" }},
  {{ kind = "dense", name = "fc", out_features = 10 }},
  {{ kind = "activation", name = "logits", function = "identity" }},
]
[data]
source = "files"
inputs = "images.npy"
labels = "labels.npy"
test_inputs = "images.npy"
test_labels = "labels.npy"
classes = 10
normalise = "none"
[batch]
size = 2
[observe]
measures = ["loss"]
[save]
parameters = "final"
representations = "checkpoints"
"""
STAGE = """  {{ kind = "residual", name = "layer{i}", repeat = 2, activation = "relu"{shortcut}, body = [
    {{ kind = "conv2d", name = "conv1", out_channels = {w}, kernel_size = 3, stride = {stride}, padding = 1, bias = false }},
    {{ kind = "batch_norm", name = "bn1", activation = "relu" }},
    {{ kind = "conv2d", name = "conv2", out_channels = {w}, kernel_size = 3, padding = 1, bias = false }},
    {{ kind = "batch_norm", name = "bn2" }},
  ] }},"""


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, w, classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, w, 7, 2, 3, bias=False), nn.BatchNorm2d(w)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for i in range(4):
            first = BasicBlock(w << max(i - 1, 0), w << i, 1 if i == 0 else 2)
            setattr(self, f"layer{i + 1}", nn.Sequential(first, BasicBlock(w << i, w << i, 1)))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(w << 3, classes)

    def forward(self, x, seen=None):
        seen = {} if seen is None else seen
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for name in ["layer1", "layer2", "layer3", "layer4"]:
            seen[name] = x = getattr(self, name)(x)
        seen["logits"] = self.fc(self.avgpool(x).flatten(1))
        return seen["logits"]


def made(w, size, count):
    """A network whose parameters and statistics are all random, exact in float32, and images."""
    torch.manual_seed(18)
    net, rng = ResNet18(w).eval(), np.random.default_rng([20261201, w])
    exact = lambda a: torch.tensor(np.asarray(a, np.float32))
    for name, tensor in net.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(exact(rng.normal(size=tensor.shape) * 0.3))
        elif name.endswith("running_var"):
            tensor.copy_(exact(rng.uniform(0.5, 1.5, tensor.shape)))
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif tensor.ndim == 1:
            tensor.copy_(exact(rng.normal(size=tensor.shape) * 0.2 + (name.endswith("weight"))))
    return net, exact(rng.normal(size=(count, 3, size, size)))


def exactly(net, images):
    """What float64 makes of the images, at every stage."""
    seen, state = {}, {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.double()(images.double(), seen)
    net.float().load_state_dict(state)
    return {name: tensor.detach().numpy() for name, tensor in seen.items()}


def write(folder, w, size, count):
    net, images = made(w, size, count)
    safetensors.torch.save_file(net.state_dict(), folder / "resnet.safetensors")
    return net, images


def toml(w, size):
    stage = lambda i: STAGE.format(
        i=i + 1, w=w << i, stride=1 if i == 0 else 2, shortcut=', shortcut = "projection"' if i else ""
    )
    return TOML.format(size=size, w=w, stages="\n".join(map(stage, range(4))))


def check(folder):
    """What a run saw of the network at step 0, and what PyTorch makes of the parameters that it became."""
    given = safetensors.torch.load_file(folder / "resnet.safetensors")
    net, images = ResNet18(given["conv1.weight"].shape[0]).eval(), torch.tensor(np.load(folder / "images.npy"))
    saved = safetensors.torch.load_file(folder / "run" / "parameters.safetensors")
    final = {name.split("/", 2)[-1]: tensor for name, tensor in saved.items() if name.startswith("0/")}
    seen = safetensors.numpy.load_file(folder / "run" / "representations.safetensors")
    # Hidden layers: conv1, bn1, maxpool, layer1 to layer4, avgpool, fc.
    places = {"layer1": 3, "layer2": 4, "layer3": 5, "layer4": 6, "logits": 8}
    for step, state in [(0, given), (1, final)]:
        net.load_state_dict(state, strict=True)
        expected = exactly(net, images)
        for name, place in places.items():
            is_, exact = seen[f"{step}/0/layers.{place}"], expected[name]
            assert is_.shape == exact.shape, (is_.shape, exact.shape)
            off, largest = np.abs(is_ - exact).max(), np.abs(exact).max()
            print(f"step {step} {name:7} {str(is_.shape):18} largest {largest:9.4f}, off by {off:.2e}, {off / largest:.2e} of it")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) > 2:
        folder = Path(sys.argv[2])
        if sys.argv[1] == "full":
            folder.mkdir(parents=True, exist_ok=True)
            _, images = write(folder, 64, 64, 4)
            np.save(folder / "images.npy", images.numpy())
            np.save(folder / "labels.npy", np.arange(4))
            (folder / "resnet.toml").write_text(toml(64, 64))
        else:
            check(folder)
    else:
        net, images = write(HERE, 3, 32, 3)
        arrays = {"images": images.double().numpy(), **exactly(net, images)}
        (HERE / "resnet_images.safetensors").write_bytes(safetensors.numpy.save(arrays))
