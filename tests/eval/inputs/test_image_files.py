"""Image files of every kind become bytes in the network's channels, and conversions are reported."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

import tf_strattack as sa
from eval.inputs.channels import with_channels
from eval.inputs.image_files import read_image
from eval.inputs.photographs import Frame

COLOURS = np.random.default_rng(0).integers(0, 256, size=(12, 20, 3), dtype=np.uint8)
TURNED = "photographs are rotated upright by their EXIF orientation"
OVER_BLACK = "transparent images are composited over black"
REDUCED = "pixels of 16 bits are reduced to 8 bits"


def with_alpha(pixels, opaque=255):
    """Pixels with a fourth channel, 0 on the left and `opaque` on the right."""
    alpha = np.full((*pixels.shape[:2], 1), opaque, np.uint8)
    alpha[:, :10] = 0
    return np.concatenate([pixels, alpha], axis=2)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_rotated_by_their_exif_orientation(tmp_path, notes, kind, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f"image.{kind}"
    Image.fromarray(COLOURS).save(path, exif=exif)
    with Image.open(path) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened))
    np.testing.assert_array_equal(read_image(path, None), upright)
    assert upright.shape == ((20, 12, 3) if orientation > 4 else (12, 20, 3))
    assert notes() == ([] if orientation == 1 else [TURNED])


def test_damaged_metadata_leave_the_pixels_readable(tmp_path, notes):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(COLOURS).save(tmp_path / "whole.png", exif=exif)
    data = exif.tobytes()
    for damaged in (data.replace(b"MM", b"MX"), data[:9], b"Exif\0\0nothing of the kind"):
        Image.fromarray(COLOURS).save(tmp_path / "damaged.png", exif=damaged)
        np.testing.assert_array_equal(read_image(tmp_path / "damaged.png", 3), COLOURS)
    assert notes() == []


def transparent_pictures():
    """Pictures whose left half is transparent, and what they show over black."""
    grey = COLOURS[..., :1]
    black = np.where(np.arange(20)[:, None] < 10, 0, COLOURS)
    yield "RGBA", Image.fromarray(with_alpha(COLOURS)), black
    yield "LA", Image.fromarray(with_alpha(grey)), np.where(np.arange(20)[:, None] < 10, 0, grey)
    palette = Image.fromarray(np.tile((np.arange(20) // 10).astype(np.uint8), (12, 1)), "P")
    palette.putpalette([200, 100, 50, 10, 20, 30])
    palette.info["transparency"] = 0
    shown = np.where(np.arange(20)[:, None] < 10, 0, np.full((12, 20, 3), [10, 20, 30]))
    yield "P", palette, shown
    palette.info["transparency"] = bytes([0, 255])
    yield "P with a table", palette, shown
    halves = np.where(np.arange(20)[:, None] < 10, [9, 8, 7], COLOURS.clip(10)).astype(np.uint8)
    keyed = Image.fromarray(halves)
    keyed.info["transparency"] = (9, 8, 7)
    yield "RGB with a key", keyed, np.where(np.arange(20)[:, None] < 10, 0, halves)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transparency_is_composited_over_black_and_kept_for_four_channels(tmp_path, notes):
    path = tmp_path / "image.png"
    for name, picture, shown in transparent_pictures():
        picture.save(path)
        notes()
        np.testing.assert_array_equal(read_image(path, None), shown, name)
        in_colour = np.broadcast_to(shown, (12, 20, 3)).astype(np.uint8)
        np.testing.assert_array_equal(read_image(path, 3), in_colour, name)
        np.testing.assert_array_equal(read_image(path, 1)[..., 0], np.asarray(Image.fromarray(in_colour).convert("L")))
        kept = read_image(path, 4)
        np.testing.assert_array_equal(kept[..., 3], np.where(np.arange(20) < 10, 0, 255) + np.zeros((12, 1)), name)
        np.testing.assert_array_equal(kept[:, 10:, :3], in_colour[:, 10:], name)


def test_half_transparent_pixels_are_half_as_bright(tmp_path, notes):
    Image.fromarray(with_alpha(COLOURS, 128)).save(tmp_path / "half.png")
    shown = read_image(tmp_path / "half.png", 3)
    np.testing.assert_allclose(shown[:, 10:], COLOURS[:, 10:] * (128 / 255), atol=0.51)
    assert (shown[:, :10] == 0).all()
    assert notes() == [OVER_BLACK]


def test_an_image_that_fits_is_exact_and_nothing_is_reported(tmp_path, notes):
    opaque = np.concatenate([COLOURS, np.full((12, 20, 1), 255, np.uint8)], axis=2)
    for channels, pixels in ((1, COLOURS[..., :1]), (3, COLOURS), (4, with_alpha(COLOURS, 77)), (None, COLOURS)):
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(tmp_path / "image.png")
        np.testing.assert_array_equal(read_image(tmp_path / "image.png", channels), pixels)
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(read_image(tmp_path / "opaque.png", 3), COLOURS)
    assert notes() == []
    Image.fromarray(COLOURS).save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_image(tmp_path / "image.png", 4), opaque)
    assert notes() == ["images without transparency get an opaque fourth channel, as the network takes four channels"]


def test_a_frame_keeps_four_channels_and_composites_for_fewer(notes):
    pixels = with_alpha(COLOURS)
    np.testing.assert_array_equal(Frame(12, 20, 12, 4)(pixels, "x"), pixels)
    np.testing.assert_array_equal(Frame(12, 20, 12, 3)(pixels, "x"), COLOURS * (pixels[..., 3:] > 0))
    np.testing.assert_array_equal(Frame(12, 20, 12, 4)(COLOURS, "x")[..., 3], 255)
    assert Frame(8, 8, 9, 4)(pixels, "x").shape == (8, 8, 4)


@pytest.mark.parametrize("mode", ["CMYK", "HSV", "YCbCr"])
def test_other_colour_spaces_are_converted_and_reported(notes, mode):
    picture = Image.new("RGB", (20, 12), (200, 100, 50)).convert(mode)
    for channels in (None, 3, 4):
        converted = np.asarray(with_channels(picture, channels, "x"))[..., :3]
        np.testing.assert_allclose(converted, np.full((12, 20, 3), [200, 100, 50]), atol=4)
    assert notes()[0] == f"{mode} images are converted to RGB, without their colour profiles"
    assert with_channels(picture, 1, "x").mode == "L"


def test_the_first_of_several_pictures_is_read(tmp_path, notes):
    pictures = [Image.fromarray(pixels) for pixels in (COLOURS, 255 - COLOURS)]
    for kind in ("tiff", "png", "gif", "webp"):
        path = tmp_path / f"image.{kind}"
        options = {"lossless": True} if kind == "webp" else {}
        pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
        with Image.open(path) as opened:
            first = np.asarray(opened.convert("RGB"))
        np.testing.assert_array_equal(read_image(path, 3), first)
    assert notes() == ["only the first picture is read from image files with several pictures"]


DEEP = np.linspace(0, 65535, 48 * 48).reshape(48, 48).astype(np.uint16)


@pytest.mark.parametrize("kind", ["png", "tiff", "pgm", "jp2"])
def test_sixteen_bits_are_scaled_and_not_cut(tmp_path, notes, kind):
    path = tmp_path / f"deep.{kind}"
    if kind == "pgm":  # which older versions of Pillow read, but do not write
        path.write_bytes(b"P5 48 48 65535\n" + DEEP.astype(">u2").tobytes())
    else:
        Image.fromarray(DEEP).save(path)
    np.testing.assert_array_equal(read_image(path, None)[..., 0], DEEP >> 8)
    assert read_image(path, 3).shape == (48, 48, 3)
    assert REDUCED in notes()


def test_big_endian_tiff_files_of_16_bits_are_reduced(tmp_path):
    Image.fromarray(DEEP.astype(">u2")).save(tmp_path / "deep.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.tiff", 1)[..., 0], DEEP >> 8)


def tiff(bits, photometric, data):
    """A TIFF file of a row of four grey pixels."""
    entries = [
        (256, 4),
        (257, 1),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, 1),
        (279, len(data)),
    ]
    data = data.ljust(8, b"\0")
    directory = b"".join(struct.pack("<HHLL", tag, 3, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<L", 8 + len(data)) + data + struct.pack("<H", len(entries)) + directory + bytes(4)


def test_twelve_bits_are_scaled_and_white_as_zero_is_turned_round(tmp_path):
    values = [0, 0x123, 0x800, 0xFFF]
    packed = bytes([0x00, 0x01, 0x23, 0x80, 0x0F, 0xFF])
    (tmp_path / "twelve.tiff").write_bytes(tiff(12, 1, packed))
    assert read_image(tmp_path / "twelve.tiff", 1).ravel().tolist() == [value >> 4 for value in values]
    (tmp_path / "negative.tiff").write_bytes(tiff(16, 0, struct.pack("<4H", 0, 256, 0x8000, 65535)))
    assert read_image(tmp_path / "negative.tiff", 1).ravel().tolist() == [255, 254, 127, 0]


def png_of_16_bits(kind, pixels, transparent=()):
    """A PNG file of a row of pixels, and a colour that is transparent."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def words(values):
        return struct.pack(f">{len(values)}H", *values)

    header = struct.pack(">IIBBBBB", len(pixels) // channels, 1, 16, kind, 0, 0, 0)
    key = chunk(b"tRNS", words(transparent)) if transparent else b""
    data = chunk(b"IDAT", zlib.compress(b"\0" + words(pixels)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + key + data + chunk(b"IEND", b"")


def test_png_files_of_16_bits_keep_their_transparency(tmp_path, notes):
    path = tmp_path / "deep.png"
    path.write_bytes(png_of_16_bits(0, [1000, 2000, 2001, 65535], (2000,)))
    assert read_image(path, 1).ravel().tolist() == [3, 0, 7, 255]
    assert read_image(path, 4)[0, :, 3].tolist() == [255, 0, 255, 255]
    assert notes()[:2] == [REDUCED, OVER_BLACK]
    path.write_bytes(png_of_16_bits(6, [1000, 2000, 65535, 0, 1000, 2000, 65535, 65535]))
    assert read_image(path, 3).tolist() == [[[0, 0, 0], [3, 7, 255]]]


@pytest.mark.parametrize(
    ("pixels", "received"),
    [
        (DEEP.astype(np.float32), "floating point"),
        (DEEP.astype(np.int32), "signed or 32-bit integers"),
    ],
)
def test_pixels_of_an_unknown_scale_are_refused_and_the_remedy_works(tmp_path, pixels, received):
    Image.fromarray(pixels).save(tmp_path / "image.tiff")
    with pytest.raises(sa.InputError, match=f"8 or 16 bits in .*, received {received}: save them as uint8, 0 to 255"):
        read_image(tmp_path / "image.tiff", None)
    Image.fromarray((pixels / 257).astype(np.uint8)).save(tmp_path / "image.tiff")
    assert read_image(tmp_path / "image.tiff", None).max() == 255


def test_a_colour_space_that_pillow_does_not_convert_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise ValueError("conversion from LAB to RGB not supported")

    stream = io.BytesIO()
    Image.new("LAB", (4, 4)).save(stream, "TIFF")
    (tmp_path / "lab.tiff").write_bytes(stream.getvalue())
    monkeypatch.setattr(Image.Image, "convert", refuse)
    with pytest.raises(sa.InputError, match=r"expected grey, RGB or CMYK .* received LAB: save it as an RGB PNG file"):
        read_image(tmp_path / "lab.tiff", 3)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(sa.InputError, match=r"expected an image file, received .*text.png, which Pillow cannot"):
        read_image(tmp_path / "text.png", 3)
