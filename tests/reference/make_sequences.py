"""Sequences as PyTorch computes them, in float64: token_loss.safetensors, padded.safetensors, rope.safetensors,
curve_transformer.safetensors, and encoder.safetensors with encoder_state.safetensors, beside this script.

Inputs and parameters are exact in float32; tokens are whole numbers, and a target of -1 is none.

- token_loss: an embedding and a dense layer at each of 5 positions. The loss over all positions whose target is not -1, the fraction of them
  that is right, the gradient `d.<name>` of each parameter, and the parameters after a step of gradient descent (`after.<name>`).
- padded: an embedding with a token that fills sequences up, two encoder layers whose keys leave that token out, the output at each position.
- rope: causal attention of two heads whose queries and keys are rotated, the halves of a head's features in pairs.
- curve_transformer: fifty steps of a transformer of one block that predicts the next of five tokens.
- encoder_state: in float32, what `state_dict` gives of `nn.TransformerEncoder` of two layers, with an embedding and a head beside it;
  encoder: tokens, and what it makes of them.

    python tests/reference/make_sequences.py      # torch, numpy, safetensors
"""

import zlib
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def stream(name):
    return np.random.default_rng([20261201, zlib.crc32(name.encode())])


def exact32(values):
    return torch.tensor(np.asarray(values, np.float64).astype(np.float32).astype(np.float64))


def save(name, tensors, kind=np.float64):
    array = lambda v: v.detach().numpy() if isinstance(v, torch.Tensor) else v
    arrays = {k: np.array(array(v), kind, order="C") for k, v in tensors.items()}
    assert all(np.isfinite(a).all() for a in arrays.values())
    (HERE / f"{name}.safetensors").write_bytes(safetensors.numpy.save(arrays))


def randomise(net, rng, size=0.7):
    for parameter in net.parameters():
        parameter.data = exact32(rng.normal(size=parameter.shape) * size)


def encoder(features, heads, between, layers, **named):
    layer = nn.TransformerEncoderLayer(features, heads, between, dropout=0.0, batch_first=True, **named)
    norm = nn.LayerNorm(features) if named.get("norm_first") else None
    return nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)


def causal(length):
    return nn.Transformer.generate_square_subsequent_mask(length)


def token_loss():
    rng = stream("token loss")
    net = nn.ModuleDict({"embedding": nn.Embedding(7, 6), "head": nn.Linear(6, 7)})
    randomise(net, rng)
    x, targets = rng.integers(0, 7, (4, 5)), rng.integers(0, 7, (4, 5))
    # One sequence of which nothing counts, and one of which all does.
    targets[1], targets[0, 3:], targets[3, :1] = -1, -1, -1
    out = {**net.state_dict(), "x": x, "targets": targets}
    out = {key: torch.as_tensor(value).clone() for key, value in out.items()}
    logits = net["head"](net["embedding"](torch.tensor(x))).flatten(0, 1)
    labels = torch.tensor(targets).flatten()
    loss = nn.functional.cross_entropy(logits, labels, ignore_index=-1)
    loss.backward()
    right = (logits.argmax(1) == labels)[labels >= 0].double().mean()
    out |= {"loss": loss[None], "accuracy": right[None], "lr": [0.5]}
    for key, parameter in net.named_parameters():
        out |= {f"d.{key}": parameter.grad, f"after.{key}": parameter - 0.5 * parameter.grad}
    save("token_loss", out)


def padded():
    rng = stream("padded")
    net = nn.ModuleDict({"embedding": nn.Embedding(7, 6, padding_idx=2), "layers": encoder(6, 2, 8, 2).layers})
    randomise(net, rng)
    x = np.where((n := rng.integers(0, 6, (4, 5))) >= 2, n + 1, n)
    x[0, 3:], x[1, 1:], x[3, :2] = 2, 2, 2
    tokens = torch.tensor(x)
    y = net["embedding"](tokens)
    for layer in net["layers"]:
        y = layer(y, src_key_padding_mask=tokens == 2)
    upstream = exact32(rng.normal(size=y.shape))
    named = dict(net.named_parameters())
    gradients = torch.autograd.grad(y, list(named.values()), upstream)
    out = {**net.state_dict(), "x": x, "y": y.flatten(1), "upstream": upstream.flatten(1)}
    save("padded", out | {f"d.{key}": value for key, value in zip(named, gradients)})


def rope():
    rng = stream("rope")
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    randomise(attention, rng)
    x = exact32(rng.normal(size=(3, 5, 8)))
    x.requires_grad_(True)
    # [N, heads, T, 4]
    q, k, v = [p.unflatten(2, (2, 4)).transpose(1, 2) for p in (x @ attention.in_proj_weight.T + attention.in_proj_bias).chunk(3, 2)]
    angle = torch.arange(5.0)[:, None] * 100.0 ** (-torch.arange(2) / 2)
    cos, sin = angle.cos(), angle.sin()

    def turned(z):
        first, second = z.chunk(2, 3)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], 3)

    scores = turned(q) @ turned(k).transpose(2, 3) / 2 + causal(5)
    y = attention.out_proj((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
    upstream = exact32(rng.normal(size=y.shape))
    named = dict(attention.named_parameters()) | {"x": x}
    gradients = torch.autograd.grad(y, list(named.values()), upstream)
    # As files have sequences, features first.
    turn = lambda t: t.transpose(1, 2).flatten(1)
    out = {f"m.{key}": value for key, value in attention.state_dict().items()}
    out |= {"x": turn(x), "y": y.flatten(1), "upstream": upstream.flatten(1)}
    gradients = {f"d.m.{key}" if key != "x" else "d.x": g for key, g in zip(named, gradients)}
    save("rope", out | gradients | {"d.x": turn(gradients["d.x"])})


class Language(nn.Module):
    """A decoder: embedding, positions, blocks with norms first, a norm, a head, with the names of the preset."""

    def __init__(self, vocabulary, length, width, heads, depth):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        blocks = encoder(width, heads, 4 * width, depth, norm_first=True, activation="gelu")
        self.layers, self.norm = blocks.layers, blocks.norm
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x):
        y = self.embedding(x) + self.positions.weight
        for layer in self.layers:
            y = layer(y, src_mask=causal(x.shape[1]))
        return self.head(self.norm(y))


def curve():
    rng = stream("curve")
    # A token follows from the one before it, but for one in twenty.
    tokens = np.zeros((64, 7), int)
    tokens[:, 0] = rng.integers(0, 5, 64)
    for t in range(1, 7):
        tokens[:, t] = np.where(rng.random(64) < 0.05, rng.integers(0, 5, 64), (2 * tokens[:, t - 1] + 1) % 5)
    x, labels = torch.tensor(tokens[:, :-1]), tokens[:, 1:].copy()
    labels[:, 2] = -1
    torch.manual_seed(2)
    net = Language(5, 6, 8, 2, 1)
    for parameter in net.parameters():
        parameter.data = exact32(parameter.data)
    out = {key: value.clone() for key, value in net.state_dict().items()}
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    batches = np.stack([rng.permutation(64)[:16] for _ in range(50)])
    losses = []
    for batch in batches:
        loss = nn.functional.cross_entropy(net(x[batch]).flatten(0, 1), torch.tensor(labels[batch]).flatten(), ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0], losses
    out |= {f"final/{key}": value for key, value in net.state_dict().items()}
    out |= {"x": x, "labels": labels, "batches": batches, "losses": losses, "lr": np.full(50, 0.1)}
    save("curve_transformer", out)


def encoder_state():
    rng = stream("encoder")
    parts = nn.ModuleDict({"embedding": nn.Embedding(9, 8), "head": nn.Linear(8, 9)})
    blocks = encoder(8, 2, 16, 2, norm_first=True)
    randomise(parts, rng), randomise(blocks, rng, 0.4)
    x = rng.integers(0, 9, (6, 7))
    hidden = blocks(parts["embedding"](torch.tensor(x[:, :-1])), mask=causal(6), is_causal=True)
    logits = parts["head"](hidden)
    predicted, labels = logits.flatten(0, 1), torch.tensor(x[:, 1:]).flatten()
    loss = nn.functional.cross_entropy(predicted, labels)
    # The same where token 4 is nowhere to be predicted.
    but_4 = nn.functional.cross_entropy(predicted, labels, ignore_index=4)
    right = (predicted.argmax(1) == labels)[labels != 4].double().mean()
    # The names of the encoder as they are, and those of what is beside it.
    save("encoder_state", {**parts.state_dict(), **blocks.state_dict()}, np.float32)
    save("encoder", {"tokens": x, "hidden": hidden.flatten(1), "loss": loss[None], "loss_but_4": but_4[None], "accuracy_but_4": right[None]})


token_loss()
padded()
rope()
curve()
encoder_state()
