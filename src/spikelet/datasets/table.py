"""The table of data sets: where each comes from, what its files must be, what it holds, and whom to cite."""

from dataclasses import dataclass

from spikelet.errors import InputError, did_you_mean

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
GESTURES = (
    "hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter clockwise",
    "left arm clockwise", "left arm counter clockwise", "arm roll", "air drums", "air guitar", "other gestures",
)  # fmt: skip
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPOKEN = (*(f"{word} (en)" for word in DIGITS), *(f"{word} (de)" for word in DIGITS))
WORDS = tuple(f"word {number}" for number in range(35))


@dataclass(frozen=True)
class File:
    """A file of a data set.

    Attributes:
        name: in the folder of the data set.
        url: where it is fetched from; empty where a person has to.
        checksum: ``md5:...`` or ``sha256:...``; None where nobody has published one: then the first download is stored
            with its own, and later ones have to agree.
        unpacked: name of the file that the archive holds, which takes its place.
    """

    name: str
    url: str = ""
    checksum: str | None = None
    unpacked: str | None = None


@dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        name: as the command line and `download` call it.
        title: as a search finds it.
        reader: function of `spikelet.datasets` that reads it.
        shape: of one example.
        counts: number of examples in each part.
        classes: names of the classes.
        citation: the paper.
        page: where its authors describe it.
        licence: as they state it.
        files: what has to lie in the folder.
    """

    name: str
    title: str
    reader: str
    shape: str
    counts: dict[str, int]
    classes: tuple[str, ...]
    citation: str
    page: str
    licence: str
    files: tuple[File, ...] = ()


def _idx(base: str, checksums: tuple[str, str, str, str]) -> tuple[File, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        File(f"{name}-ubyte.gz", f"{base}{name}-ubyte.gz", f"md5:{checksum}")
        for name, checksum in zip(names, checksums, strict=True)
    )


def _heidelberg(name: str, **checksums: str) -> tuple[File, ...]:
    base = "https://zenkelab.org/datasets/"
    return tuple(
        File(f"{name}_{part}.h5.zip", f"{base}{name}_{part}.h5.zip", f"md5:{checksum}", f"{name}_{part}.h5")
        for part, checksum in checksums.items()
    )


_MENDELEY = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
_FIGSHARE = "https://ndownloader.figshare.com/files/"
_CIFAR10_DVS = {
    "airplane": ("7712788", "0afd5c4bf9ae06af762a77b180354fdd"),
    "automobile": ("7712791", "8438dfeba3bc970c94962d995b1b9bdd"),
    "bird": ("7712794", "a9c207c91c55b9dc2002dc21c684d785"),
    "cat": ("7712812", "52c63c677c2b15fa5146a8daf4d56687"),
    "deer": ("7712815", "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    "dog": ("7712818", "f379ebdf6703d16e0a690782e62639c3"),
    "frog": ("7712842", "cad6ed91214b1c7388a5f6ee56d08803"),
    "horse": ("7712851", "e7cbbf77bec584ffbf913f00e682782a"),
    "ship": ("7712836", "41c7bd7d6b251be82557c6cce9a7d5c9"),
    "truck": ("7712839", "89f3922fd147d9aeff89e76a2b0b70a7"),
}
_CRAMER = "Cramer, Stradmann, Schemmel & Zenke 2020, IEEE Trans. Neural Netw. Learn. Syst. 33:2744"
_ZENKE = "https://zenkelab.org/resources/spiking-heidelberg-datasets-shd/"

_SOURCES = (
    Source(
        "digits", "Optical Recognition of Handwritten Digits", "digits", "8 x 8, 17 grey levels",
        {"train": 1438, "test": 359}, DIGITS, "Alpaydin & Kaynak 1998, UCI Machine Learning Repository",
        "https://archive.ics.uci.edu/dataset/80", "CC BY 4.0",
    ),
    Source(
        "mnist", "MNIST handwritten digits", "mnist", "28 x 28, 256 grey levels",
        {"train": 60_000, "test": 10_000}, DIGITS, "LeCun, Bottou, Bengio & Haffner 1998, Proc. IEEE 86:2278",
        "http://yann.lecun.com/exdb/mnist/", "for research",
        _idx("https://ossci-datasets.s3.amazonaws.com/mnist/", (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c")),
    ),
    Source(
        "fashion-mnist", "Fashion-MNIST clothing", "fashion_mnist", "28 x 28, 256 grey levels",
        {"train": 60_000, "test": 10_000}, CLOTHES, "Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        "https://github.com/zalandoresearch/fashion-mnist", "MIT",
        _idx("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310")),
    ),
    Source(
        "nmnist", "N-MNIST", "n_mnist", "events of 34 x 34, 0.3 s",
        {"train": 60_000, "test": 10_000}, DIGITS, "Orchard, Jayawant, Cohen & Thakor 2015, Front. Neurosci. 9:437",
        "https://www.garrickorchard.com/datasets/n-mnist", "CC BY-SA 4.0", (
            File("Train.zip", f"{_MENDELEY}39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
                 "md5:20959b8e626244a1b502305a9e6e2031"),
            File("Test.zip", f"{_MENDELEY}05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
                 "md5:69ca8762b2fe404d9b9bad1103e97832")),
    ),
    Source(
        "dvs-gesture", "DVS128 Gesture", "dvs_gesture", "events of 128 x 128, about 6 s",
        {"train": 1176, "test": 288}, GESTURES, "Amir et al. 2017, CVPR, p. 7243",
        "https://research.ibm.com/interactive/dvsgesture/", "CC BY 4.0",
        (File("DvsGesture.tar.gz", "", "md5:8a5c71fb11e24e5ca5b11866ca6c00a1"),),
    ),
    Source(
        "cifar10-dvs", "CIFAR10-DVS", "cifar10_dvs", "events of 128 x 128, about 1.3 s",
        {"train": 9000, "test": 1000}, OBJECTS, "Li, Liu, Ji, Li & Shi 2017, Front. Neurosci. 11:309",
        "https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671", "CC BY 4.0",
        tuple(File(f"{name}.zip", _FIGSHARE + number, f"md5:{checksum}")
              for name, (number, checksum) in _CIFAR10_DVS.items()),
    ),
    Source(
        "shd", "Spiking Heidelberg Digits", "shd", "spikes of 700 channels, up to 1.4 s",
        {"train": 8156, "test": 2264}, SPOKEN, _CRAMER, _ZENKE, "CC BY 4.0",
        _heidelberg("shd", train="f3252aeb598ac776c1b526422d90eecb", test="1503a5064faa34311c398fb0a1ed0a6f"),
    ),
    Source(
        "ssc", "Spiking Speech Commands", "ssc", "spikes of 700 channels, 1 s",
        {"train": 75_466, "valid": 9981, "test": 20_382}, WORDS, _CRAMER, _ZENKE, "CC BY 4.0",
        _heidelberg("ssc", train="d102be95e7144fcc0553d1f45ba94170", valid="b4eee3516a4a90dd0c71a6ac23a8ae43",
                    test="a35ff1e9cffdd02a20eb850c17c37748"),
    ),
    Source(
        "fsdd", "Free Spoken Digit Dataset", "free_spoken_digits", "sound at 8 kHz, 0.1 to 2.3 s",
        {"train": 2700, "test": 300}, DIGITS, "Jackson et al. 2018, Free Spoken Digit Dataset v1.0.10",
        "https://github.com/Jakobovski/free-spoken-digit-dataset", "CC BY-SA 4.0",
        (File("recordings.tar.gz",
              "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"),),
    ),
)  # fmt: skip
TABLE = {source.name: source for source in _SOURCES}
"""All data sets by name."""


def find(name: str) -> Source:
    """Return a row of the table.

    Raises:
        InputError: there is none; the message names the nearest.

    Example:
        >>> find("shd").counts
        {'train': 8156, 'test': 2264}
    """
    if name not in TABLE:
        raise InputError(f"unknown data set '{name}'{did_you_mean(name, TABLE)} (known: {', '.join(TABLE)})")
    return TABLE[name]
