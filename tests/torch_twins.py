"""PyTorch networks with the weights of Keras networks."""

import numpy as np
import torch
from keras import layers
from torch import nn

ACTIVATIONS = {"linear": [], "relu": [nn.ReLU], "tanh": [nn.Tanh]}


def twin(network):
    """The same network as a module in eval mode: a Sequential of Conv2D, MaxPooling2D, Flatten, Dense and Dropout."""
    parts, channels_last = [], None
    for layer in network.layers:
        weights = [torch.from_numpy(np.array(value)) for value in layer.get_weights()]
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if isinstance(layer, layers.Conv2D):
            kernel, bias = weights
            part = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[:2], layer.strides)
            assign(part, kernel.permute(3, 2, 0, 1), bias)
        elif isinstance(layer, layers.Dense):
            kernel, bias = weights
            if channels_last is not None:  # the rows of the kernel belong to (H, W, C), here the inputs are (C, H, W)
                kernel = kernel.reshape(*channels_last, -1).permute(2, 0, 1, 3).flatten(0, 2)
                channels_last = None
            part = nn.Linear(*kernel.shape)
            assign(part, kernel.T, bias)
        elif isinstance(layer, layers.MaxPooling2D):
            part = nn.MaxPool2d(layer.pool_size)
        elif isinstance(layer, layers.Flatten):
            part, channels_last = nn.Flatten(), layer.input.shape[1:]
        else:
            part = nn.Dropout(0.5)
        parts += [part, *(kind() for kind in ACTIVATIONS[activation])]
    return nn.Sequential(*parts).eval()


def assign(part, weight, bias):
    """Gives a layer its weights."""
    with torch.no_grad():
        part.weight.copy_(weight)
        part.bias.copy_(bias)
