"""Layers as PyTorch computes them, in float64, and curves of networks of them: the files that are named at the end, beside this
script.

Inputs and parameters are exact in float32. Each case of layers has `x` and `upstream`, the parameters under the names that
`state_dict` gives them, the output `y` in training, the gradient `d.<name>` of sum(upstream * y) for `x` and each parameter, and, of
three batches x, x/2 + 1 and -x (of tokens x, 6 - x, x), the buffers after them (`after.<name>`) and the output on x in evaluation (`evaluated`).

    python tests/reference/make_layers.py      # torch, numpy, safetensors
"""

import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def stream(name):
    return np.random.default_rng([20261130, zlib.crc32(name.encode())])


def exact32(values):
    return torch.tensor(np.asarray(values, np.float64).astype(np.float32).astype(np.float64))


def save(file, tensors):
    array = lambda v: v.detach().numpy() if isinstance(v, torch.Tensor) else v
    arrays = {k: np.array(array(v), np.float64, order="C") for k, v in tensors.items()}
    assert all(np.isfinite(a).all() for a in arrays.values())
    (HERE / file).write_bytes(safetensors.numpy.save(arrays))


def randomise(net, rng):
    for parameter in net.parameters():
        parameter.data = exact32(rng.normal(size=parameter.shape) * 0.7 + 0.3)


class Positions(nn.Module):
    """A module of PyTorch that wants features second, on [N, T, features]."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.transpose(1, 2)).transpose(1, 2)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)

    def forward(self, x):
        return torch.relu(x + self.norm(torch.tanh(self.fc(x))))


class Tokens(nn.Module):
    """embedding, a norm of each kind at its positions, flatten."""

    def __init__(self):
        super().__init__()
        self.embedding, self.ln = nn.Embedding(7, 6), nn.LayerNorm(6)
        self.gn, self.bn = nn.GroupNorm(2, 6), nn.BatchNorm1d(6)

    def forward(self, x):
        x = self.ln(self.embedding(x.long()))
        return Positions(self.bn)(Positions(self.gn)(x)).flatten(1)


class Named(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.m = module

    def forward(self, x):
        return self.m(x)


def flat(*modules):
    """Modules of images or sequences, the first of them with parameters named `m`, and all that comes out side by side."""
    rest = [(f"m{i}", module) for i, module in enumerate([*modules[1:], nn.Flatten()])]
    return nn.Sequential(OrderedDict([("m", modules[0]), *rest]))


def cnn():
    """Norms of images, a residual block, pools."""
    block = lambda: nn.Sequential(OrderedDict(conv=nn.Conv2d(4, 4, 3, padding=1, bias=False), bn=nn.BatchNorm2d(4)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(2, 4, 3, padding="same", bias=False), nn.BatchNorm2d(4)
            self.block, self.gn, self.head = block(), nn.GroupNorm(2, 4), nn.Linear(4 * 3 * 2, 3)

        def forward(self, x):
            x = torch.tanh(self.bn(self.conv(x)))
            x = self.gn(x + self.block(x))
            return self.head(nn.functional.max_pool2d(x, 2).flatten(1))

    return Net()


def conv2d(*arguments, **named):
    return lambda: flat(nn.Conv2d(*arguments, **named))


# Examples of [2, C, 6, 5], or of [2, C, 9].
IMAGES = {
    "conv_1": (conv2d(3, 4, 1), 3),
    "conv_3": (conv2d(1, 4, 3), 1),
    "conv_same": (conv2d(3, 4, 3, padding="same"), 3),
    "conv_same_even": (conv2d(2, 3, (2, 4), padding="same"), 2),
    "conv_stride": (conv2d(3, 4, 3, stride=2, padding=1), 3),
    "conv_strides": (conv2d(2, 4, (3, 2), stride=(2, 1), padding=(0, 1)), 2),
    "conv_dilated": (conv2d(3, 2, 3, dilation=2, padding=2), 3),
    "conv_dilated_same": (conv2d(2, 3, 3, dilation=(1, 2), padding="same"), 2),
    "conv_groups": (conv2d(4, 6, 3, groups=2, padding=1), 4),
    "conv_depthwise": (conv2d(4, 4, 3, groups=4, padding=1, stride=2), 4),
    "conv_depthwise_twice": (conv2d(3, 6, (3, 1), groups=3), 3),
    "conv_plain": (conv2d(2, 3, 5, padding=2, bias=False), 2),
    "max_pool": (lambda: flat(nn.MaxPool2d(2)), 3),
    "max_pool_ties": (lambda: flat(nn.MaxPool2d(3, stride=2, padding=1)), 3),
    "max_pool_dilated": (lambda: flat(nn.MaxPool2d((3, 2), stride=1, padding=(1, 1), dilation=(2, 1))), 2),
    "avg_pool": (lambda: flat(nn.AvgPool2d(2)), 3),
    "avg_pool_padded": (lambda: flat(nn.AvgPool2d(3, stride=(1, 2), padding=1)), 2),
    "global_avg_pool": (lambda: flat(nn.AdaptiveAvgPool2d(1)), 3),
    "cnn": (cnn, 2),
}
SEQUENCES = {
    "conv1d": (lambda: flat(nn.Conv1d(3, 4, 3, stride=2, padding=1)), 3),
    "conv1d_pooled": (lambda: flat(nn.Conv1d(4, 6, 3, dilation=2, groups=2, padding="same"), nn.MaxPool1d(2)), 4),
}

CASES = {
    "layer_norm": (lambda: Named(nn.LayerNorm(6)), (7, 6)),
    "layer_norm_plain": (lambda: Named(nn.LayerNorm(6, eps=0.01, bias=False)), (7, 6)),
    "layer_norm_far": (lambda: Named(nn.LayerNorm(6)), (7, 6)),
    "rms_norm": (lambda: Named(nn.RMSNorm(6, eps=float(np.finfo(np.float32).eps))), (7, 6)),
    "group_norm": (lambda: Named(nn.GroupNorm(2, 6)), (7, 6)),
    "batch_norm": (lambda: Named(nn.BatchNorm1d(6)), (7, 6)),
    "batch_norm_of_two": (lambda: Named(nn.BatchNorm1d(6, eps=0.001, momentum=0.3)), (2, 6)),
    "residual": (lambda: Named(Residual()), (7, 6)),
    "tokens": (Tokens, (5, 3)),
}
CONVOLUTIONS = {name: (make, (2, channels, 6, 5)) for name, (make, channels) in IMAGES.items()}
CONVOLUTIONS |= {name: (make, (2, channels, 9)) for name, (make, channels) in SEQUENCES.items()}


class Sequence(nn.Module):
    """Something of PyTorch on [N, T, features], of an input [N, features, T], and all that comes out side by side."""

    def __init__(self, *modules, causal=False, mean=False):
        super().__init__()
        self.m = modules[0] if len(modules) == 1 else nn.ModuleList(modules)
        self.all, self.causal, self.mean = modules, causal, mean

    def forward(self, x):
        x = x.transpose(1, 2)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        for module in self.all:
            if isinstance(module, nn.MultiheadAttention):
                x = module(x, x, x, attn_mask=mask, need_weights=False)[0]
            else:
                x = module(x, src_mask=mask)
        return x.mean(1) if self.mean else x.flatten(1)


def block(features, heads, between, **named):
    return nn.TransformerEncoderLayer(features, heads, between, dropout=0.0, batch_first=True, **named)


class Words(nn.Module):
    """embedding, positions, an encoder layer, the last position."""

    def __init__(self):
        super().__init__()
        self.embedding, self.pos, self.block = nn.Embedding(7, 6), nn.Embedding(3, 6), block(6, 2, 8, norm_first=True)

    def forward(self, x):
        return self.block(self.embedding(x.long()) + self.pos.weight)[:, -1]


class Sines(nn.Module):
    """Sines and cosines of positions added, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.m = nn.Linear(6, 4)

    def forward(self, x):
        x = x.transpose(1, 2)
        angle = torch.arange(x.shape[1])[:, None] * 10000.0 ** (-torch.arange(0, 6, 2) / 6)
        table = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        return self.m(x + exact32(table.numpy())).flatten(1)


class Across(nn.Module):
    """Two convolutions one after the other; what the second gives looks at what the first gave."""

    def __init__(self, seen, asking, make):
        super().__init__()
        self.seen, self.asking = nn.Conv1d(6, seen, 3), nn.Conv1d(seen, asking, 2)
        made = [make() for _ in range(1 if isinstance(make(), nn.MultiheadAttention) else 2)]
        self.m = made[0] if len(made) == 1 else nn.ModuleList(made)
        self.all = made

    def forward(self, x):
        seen = self.seen(x)
        x, seen = self.asking(seen).transpose(1, 2), seen.transpose(1, 2)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        for module in self.all:
            if isinstance(module, nn.MultiheadAttention):
                x = module(x, seen, seen, need_weights=False)[0]
            else:
                x = module(x, seen, tgt_mask=mask)
        return x.flatten(1)


def decoder():
    # Keys and values of other features than PyTorch's own decoder layer takes.
    layer = nn.TransformerDecoderLayer(6, 3, 8, dropout=0.0, batch_first=True)
    layer.multihead_attn = nn.MultiheadAttention(6, 3, kdim=5, vdim=5, batch_first=True)
    return layer


# Examples of [2, 6, 5], [2, 6, 7], or tokens.
TRANSFORMERS = {
    "attention": (lambda: Sequence(nn.MultiheadAttention(6, 2, batch_first=True)), (2, 6, 5)),
    "attention_causal": (lambda: Sequence(nn.MultiheadAttention(6, 3, bias=False, batch_first=True), causal=True), (2, 6, 5)),
    "attention_one_head": (lambda: Sequence(nn.MultiheadAttention(6, 1, batch_first=True), mean=True), (3, 6, 4)),
    "transformer": (lambda: Sequence(block(6, 2, 10)), (2, 6, 5)),
    "transformers_before": (
        lambda: Sequence(*[block(6, 3, 8, norm_first=True, activation="gelu") for _ in range(2)], causal=True),
        (2, 6, 5),
    ),
    "words": (Words, (5, 3)),
    "across": (lambda: Across(6, 6, lambda: nn.MultiheadAttention(6, 2, batch_first=True)), (2, 6, 7)),
    "across_features": (
        lambda: Across(6, 4, lambda: nn.MultiheadAttention(4, 2, bias=False, kdim=6, vdim=6, batch_first=True)),
        (2, 6, 7),
    ),
    "decoder": (lambda: Across(5, 6, decoder), (2, 6, 7)),
    "sines": (Sines, (2, 6, 5)),
}


class Steps(nn.Module):
    """Recurrent layers of PyTorch on [N, T, features], of an input [N, features, T], and all that comes out side by side, or the last."""

    def __init__(self, module, last=False):
        super().__init__()
        self.m, self.last = module, last

    def forward(self, x):
        y = self.m(x.transpose(1, 2))[0]
        return y[:, -1] if self.last else y.flatten(1)


class Remembered(nn.Module):
    """embedding, two recurrent layers one after the other, the mean over positions, a dense layer."""

    def __init__(self):
        super().__init__()
        self.embedding, self.gru = nn.Embedding(7, 5), nn.GRU(5, 4, batch_first=True)
        self.lstm, self.head = nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.lstm(self.gru(self.embedding(x.long()))[0])[0].mean(1))


def recurrent(module, *arguments, last=False, **named):
    return lambda: Steps(module(*arguments, batch_first=True, **named), last)


# Examples of [N, features, T], or tokens.
RECURRENT = {
    "rnn": (recurrent(nn.RNN, 3, 4), (4, 3, 6)),
    "rnn_relu": (recurrent(nn.RNN, 3, 5, nonlinearity="relu", bias=False, num_layers=2), (3, 3, 4)),
    "gru": (recurrent(nn.GRU, 3, 4), (4, 3, 6)),
    "gru_plain": (recurrent(nn.GRU, 2, 3, bias=False, last=True), (3, 2, 5)),
    "gru_stacked": (recurrent(nn.GRU, 3, 3, num_layers=2, bidirectional=True), (3, 3, 4)),
    "lstm": (recurrent(nn.LSTM, 3, 4), (4, 3, 6)),
    "lstm_last": (recurrent(nn.LSTM, 3, 4, num_layers=2, last=True), (4, 3, 5)),
    "lstm_both": (recurrent(nn.LSTM, 2, 3, bidirectional=True, bias=False), (3, 2, 4)),
    "lstm_one": (recurrent(nn.LSTM, 3, 4), (5, 3, 1)),
    "remembered": (Remembered, (4, 5)),
}


def transposed(*arguments, **named):
    return lambda: flat(nn.ConvTranspose2d(*arguments, **named))


# Examples of [2, C, 4, 3].
TRANSPOSED = {
    "transposed": (transposed(3, 4, 3), 3),
    "transposed_stride": (transposed(3, 2, 3, stride=2, padding=1, output_padding=1), 3),
    "transposed_sides": (transposed(2, 3, (2, 4), stride=(3, 2), padding=(0, 1), output_padding=(2, 0), bias=False), 2),
    "transposed_dilated": (transposed(2, 3, (3, 2), dilation=(1, 2), padding=1), 2),
    "transposed_groups": (transposed(4, 6, 3, groups=2, stride=2), 4),
    "transposed_depthwise": (transposed(3, 3, 2, groups=3, stride=2), 3),
}
TRANSPOSED = {name: (make, (2, channels, 4, 3)) for name, (make, channels) in TRANSPOSED.items()}
TOKENS = ("tokens", "words", "remembered")


def make_layers(file, cases):
    out = {}
    for name, (make, shape) in cases.items():
        rng, net = stream(name), make()
        randomise(net, rng)
        if isinstance(net, Across):  # of which scores are products: smaller, so that one alone does not take all the weight
            for parameter in [*net.seen.parameters(), *net.asking.parameters()]:
                parameter.data /= 4
        tokens = name in TOKENS
        x = exact32(rng.integers(0, 7, shape) if tokens else rng.normal(size=shape) * 1.5 + 0.5)
        if name == "layer_norm_far":
            x = exact32(100 + 0.01 * rng.normal(size=shape))
        if name == "max_pool_ties":
            x = x.round()
        x.requires_grad_(not tokens)
        start = {key: value.clone() for key, value in net.state_dict().items()}
        y = net(x)
        upstream = exact32(rng.normal(size=y.shape))
        named = dict(net.named_parameters()) | ({} if tokens else {"x": x})
        gradients = torch.autograd.grad(y, list(named.values()), upstream)
        net.load_state_dict(start)
        with torch.no_grad():
            for batch in (x, 6 - x, x) if tokens else (x, x / 2 + 1, -x):
                net(batch)
        after = dict(net.named_buffers())
        case = start | {"x": x, "y": y, "upstream": upstream, "evaluated": net.eval()(x)}
        case |= {f"d.{key}": value for key, value in zip(named, gradients)}
        case |= {f"after.{key}": value for key, value in after.items()}
        out |= {f"{name}/{key}": value for key, value in case.items()}
    save(file, out)


def make_curve():
    """Fifty steps of 12-16-16-5 with batch norm, ReLU, a residual block and momentum, on given batches."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.bn = nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16)

        def forward(self, x):
            return torch.relu(x + self.bn(self.fc(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.bn1, self.block, self.head = nn.Linear(12, 16), nn.BatchNorm1d(16), Block(), nn.Linear(16, 5)

        def forward(self, x):
            return self.head(self.block(torch.relu(self.bn1(self.fc1(x)))))

    rng = stream("curve")
    centres = rng.normal(size=(5, 12))
    labels = rng.integers(0, 5, 64)
    x = exact32(centres[labels] + rng.normal(size=(64, 12)))
    train("curve_batch_norm.safetensors", Net(), x, labels, rng, 0.05)


def make_cnn_curve():
    """The same of images of 6 x 6: convolution, batch norm, ReLU, largest of 2 x 2, convolution, average, dense."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(2, 8, 3, padding="same", bias=False), nn.BatchNorm2d(8)
            self.conv2, self.head = nn.Conv2d(8, 12, 2, stride=1), nn.Linear(12, 5)

        def forward(self, x):
            x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
            return self.head(torch.tanh(self.conv2(x)).mean((2, 3)))

    rng = stream("cnn curve")
    centres = rng.normal(size=(5, 2, 6, 6))
    labels = rng.integers(0, 5, 64)
    x = exact32(centres[labels] + rng.normal(size=(64, 2, 6, 6)))
    train("curve_cnn.safetensors", Net(), x, labels, rng, 0.05)


def make_lstm_curve():
    """The same of sequences of 6 positions of 3 features, with Adam: two layers of long short-term memory, the last position, dense."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(3, 8, num_layers=2, batch_first=True), nn.Linear(8, 5)

        def forward(self, x):
            return self.head(self.lstm(x.transpose(1, 2))[0][:, -1])

    rng = stream("lstm curve")
    centres = rng.normal(size=(5, 3, 6))
    labels = rng.integers(0, 5, 64)
    x = exact32(centres[labels] + 0.5 * rng.normal(size=(64, 3, 6)))
    net = Net()
    train("curve_lstm.safetensors", net, x, labels, rng, 0.02, torch.optim.Adam(net.parameters(), lr=0.02))


def make_resnet_curve():
    """The same of images of 6 x 6: the residual network of 8 layers (He et al. 2016) of 2 channels."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            stride = outputs // inputs
            self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
            self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
            projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            self.downsample = projection if stride > 1 else nn.Identity()

        def forward(self, x):
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return torch.relu(y + self.downsample(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(1, 2, 3, 1, 1, bias=False), nn.BatchNorm2d(2)
            for i in range(3):
                setattr(self, f"layer{i + 1}", nn.Sequential(Block(2 << max(i - 1, 0), 2 << i)))
            self.head = nn.Linear(8, 5)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            return self.head(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))

    rng = stream("resnet curve")
    centres = rng.normal(size=(5, 1, 6, 6))
    labels = rng.integers(0, 5, 64)
    x = exact32(centres[labels] + 0.5 * rng.normal(size=(64, 1, 6, 6)))
    train("curve_resnet8.safetensors", Net(), x, labels, rng, 0.05)


def train(file, net, x, labels, rng, lr, optimiser=None):
    """Fifty steps with momentum, or another optimiser, on batches of 16."""
    for parameter in net.parameters():
        parameter.data = exact32(parameter.data)
    out = {key: value.clone() for key, value in net.state_dict().items()}
    optimiser = optimiser or torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    batches = np.stack([rng.permutation(64)[:16] for _ in range(50)])
    losses = []
    for batch in batches:
        loss = nn.functional.cross_entropy(net(x[batch]), torch.tensor(labels[batch]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0], losses
    out |= {f"final/{key}": value for key, value in net.state_dict().items()}
    out |= {"x": x, "labels": labels, "batches": batches, "losses": losses, "lr": np.full(50, lr)}
    save(file, out)


torch.manual_seed(1)
make_layers("layers.safetensors", CASES)
make_curve()
make_layers("convolutions.safetensors", CONVOLUTIONS)
make_cnn_curve()
make_layers("transformers.safetensors", TRANSFORMERS)
make_layers("recurrent.safetensors", RECURRENT)
make_layers("transposed.safetensors", TRANSPOSED)
make_lstm_curve()
make_resnet_curve()
