"""Soft labels for defensive distillation (Papernot et al. 2016, arXiv 1511.04508)."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from .data import Split, batches_in_order


def soft_labels(teacher: keras.Model, split: Split, temperature: float) -> Split:
    """The images of `split` with softmax(Z / T) of the teacher's logits Z instead of their classes.

    Args:
      teacher: maps images (N, H, W, C) in [0, 1] to logits (N, K).
      split: the images; their order is kept.
      temperature: T; the higher, the softer.
    """
    soften = tf.function(lambda images: tf.nn.softmax(teacher(images, training=False) / temperature))
    softened = [soften(images).numpy() for images, _ in batches_in_order(split)]
    return dataclasses.replace(split, probabilities=np.concatenate(softened))
