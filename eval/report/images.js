"use strict";
// The images of an example: decoded when they are first seen, mixed as the slider says, and read pixel by pixel.
const GALLERY = DATA.gallery;
const STOPS = ["original", "adversarial", "change"];
const decoded = new Map();
const DARK = matchMedia("(prefers-color-scheme: dark)");

// The pixels (RGBA) of a data: address.
function pixelsOf(address) {
  if (!decoded.has(address)) {
    decoded.set(address, new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => {
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        resolve(context.getImageData(0, 0, image.width, image.height));
      };
      image.onerror = () => reject(new Error("an image of this page cannot be decoded"));
      image.src = address;
    }));
  }
  return decoded.get(address);
}

// The three images of an example as pixels; change is in [0, 1] scale, a value a channel.
async function stackOf(example) {
  const [original, coded, groups] = await Promise.all([
    pixelsOf(GALLERY.images.originals[example.original]), pixelsOf(example.change), example.groups && pixelsOf(example.groups),
  ]);
  const { width, height } = coded;
  const change = new Float32Array(width * height * 3);
  const adversarial = new Uint8ClampedArray(original.data);
  const perturbation = new Uint8ClampedArray(original.data.length).fill(255);
  const grey = GALLERY.channels === 1;
  const [none, rise, fall] = DARK.matches ? [38, [255, 122, 102], [94, 176, 255]] : [247, [178, 24, 43], [33, 102, 172]];
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const share = (coded.data[4 * pixel + channel] - 128) / 127;
      change[3 * pixel + channel] = share * example.limit;
      adversarial[4 * pixel + channel] = original.data[4 * pixel + channel] + 255 * share * example.limit;
      // Of drawings: red where it becomes brighter, blue where darker. Of colour images: grey, and what is added to it.
      const strong = Math.sqrt(Math.abs(share));
      const towards = share > 0 ? rise : fall;
      perturbation[4 * pixel + channel] = grey ? none + strong * (towards[channel] - none) : 128 + 127 * share;
    }
  }
  return { width, height, change, groups, images: [original.data, adversarial, perturbation] };
}

// Draws the mixture at `position`: 0 original, 1 adversarial, 2 change.
function drawStack(canvas, stack, position) {
  const low = Math.min(1, Math.floor(position));
  const share = position - low;
  const [from, to] = [stack.images[low], stack.images[low + 1]];
  const mixed = new Uint8ClampedArray(from.length);
  for (let index = 0; index < mixed.length; index += 1) mixed[index] = (1 - share) * from[index] + share * to[index];
  canvas.getContext("2d").putImageData(new ImageData(mixed, stack.width, stack.height), 0, 0);
}

function nameOf(position) {
  const low = Math.min(1, Math.floor(position));
  const share = position - low;
  if (share < 0.02) return STOPS[low];
  if (share > 0.98) return STOPS[low + 1];
  return `${Math.round(100 * (1 - share))} % ${STOPS[low]}, ${Math.round(100 * share)} % ${STOPS[low + 1]}`;
}

// What a pixel, and its group, hold.
function describe(example, stack, row, column) {
  const { factor, width, height, exact } = GALLERY.images;
  const pixel = row * stack.width + column;
  const channels = GALLERY.channels === 1 ? [0] : [0, 1, 2];
  const values = (name) => channels.map(name).join(", ");
  const number = (value) => value.toFixed(3);
  const top = factor * row;
  const left = factor * column;
  const span = (first, count, end) => (count === 1 ? `${first}` : `${first}–${Math.min(end, first + count) - 1}`);
  const size = GALLERY.group_size || 1; // of other groups than squares every pixel has its own value
  const group = [Math.floor(top / size), Math.floor(left / size)];
  // A picture of the groups, a pixel each, as bytes RGBA.
  const of = stack.groups && stack.groups.data[4 * (group[0] * stack.groups.width + group[1])];
  const mean = of === null ? "" : `: mean |change| ${number((of / 255) * example.group_limit)}`;
  // From the data themselves, not from the colours on the screen.
  const before = (c) => stack.images[0][4 * pixel + c] / 255;
  const change = (c) => stack.change[3 * pixel + c];
  const about = exact ? "" : "about ";
  return {
    group,
    text:
      `pixel (${span(top, factor, height)}, ${span(left, factor, width)}): ${about}` +
      `${values((c) => number(before(c)))} → ${values((c) => number(before(c) + change(c)))}, change ` +
      `${values((c) => (change(c) > 0 ? "+" : "") + number(change(c)))}; ${GALLERY.group_size ? `group (${group[0]}, ${group[1]})` : "its group"}${mean}`,
  };
}
