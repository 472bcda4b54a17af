"""PyTorch networks with the weights of Keras networks."""

import numpy as np
from keras import layers


def twin(network):
    """The same network as a module in eval mode: a Sequential of Conv2D, MaxPooling2D, Flatten, Dense and Dropout."""
    import torch  # here, as this module is also imported where PyTorch is missing
    from torch import nn

    activations = {"linear": [], "relu": [nn.ReLU], "tanh": [nn.Tanh]}
    parts, channels_last = [], None
    for layer in network.layers:
        weights = [np.asarray(value) for value in layer.get_weights()]
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if isinstance(layer, layers.Conv2D):
            kernel, bias = weights
            part = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[:2], layer.strides)
            weights = kernel.transpose(3, 2, 0, 1), bias
        elif isinstance(layer, layers.Dense):
            kernel, bias = weights
            if channels_last is not None:  # the rows of the kernel belong to (H, W, C), here the inputs are (C, H, W)
                kernel = kernel.reshape(*channels_last, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                channels_last = None
            part = nn.Linear(*kernel.shape)
            weights = kernel.T, bias
        elif isinstance(layer, layers.MaxPooling2D):
            part = nn.MaxPool2d(layer.pool_size)
        elif isinstance(layer, layers.Flatten):
            part, channels_last = nn.Flatten(), layer.input.shape[1:]
        else:
            part = nn.Dropout(0.5)
        for parameter, value in zip(part.parameters(), weights, strict=True):
            parameter.data = torch.from_numpy(value.copy())
        parts += [part, *(kind() for kind in activations[activation])]
    return nn.Sequential(*parts).eval()
