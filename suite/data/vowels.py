"""Spoken vowels from a source and a filter, whose truth is known; drawn afresh for every split."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Allowed, Parameter, drawn
from suite.data.samples import Samples, labelled

Values = NDArray[np.float64]

RATE = 10_000
"""Samples a second."""
VOWELS = ("heed", "hid", "head", "had", "hod", "hawed", "hood", "who'd", "hud", "heard")
VOICES = ("men", "women", "children")
# Averages over 33 men, 28 women and 15 children: Peterson and Barney (1952), table II.
# (voice, vowel, formant), in hertz.
FORMANTS = np.array(
    [
        [
            *([270, 2290, 3010], [390, 1990, 2550], [530, 1840, 2480], [660, 1720, 2410]),
            *([730, 1090, 2440], [570, 840, 2410], [440, 1020, 2240], [300, 870, 2240]),
            *([640, 1190, 2390], [490, 1350, 1690]),
        ],
        [
            *([310, 2790, 3310], [430, 2480, 3070], [610, 2330, 2990], [860, 2050, 2850]),
            *([850, 1220, 2810], [590, 920, 2710], [470, 1160, 2680], [370, 950, 2670]),
            *([760, 1400, 2780], [500, 1640, 1960]),
        ],
        [
            *([370, 3200, 3730], [530, 2730, 3600], [690, 2610, 3570], [1010, 2320, 3320]),
            *([1030, 1370, 3170], [680, 1060, 3180], [560, 1410, 3310], [430, 1170, 3260]),
            *([850, 1590, 3360], [560, 1820, 2160]),
        ],
    ],
    np.float64,
)
# The table's pitch in hertz, averaged over the vowels: pitch alone tells nothing of the vowel.
PITCH = np.array([132.2, 223.0, 264.3])
# In hertz, of the formants; the usual ones of Klatt (1980).
BANDWIDTHS = np.array([50.0, 70.0, 110.0])
# Lowest and highest bandwidth of the glottal pulse in hertz; the narrow one is the duller voice.
_PULSE_WIDTHS = (100.0, 300.0)
# Standard deviation of the logarithm of pitch within a group of speakers.
_PITCH_SPREAD = 0.15
# Samples that the resonators swing before what is kept, and of the fade at either end of a vowel.
_WARM_UP, _FADE = 512, 50
# The shortest vowel, as a share of the samples.
_SHORTEST = 0.6
_WINDOW, _HOP = 128, 64
# Power under which all is silence: 60 decibels below a vowel.
_SILENCE = 1e-6


class Speech(NamedTuple):
    """Who says a row: pitch `(n,)`, formants `(n, 3)` and pulse bandwidth `(n,)`, all in hertz."""

    pitch: Values
    formants: Values
    pulse_width: Values


def draw_vowels(
    rng: np.random.Generator,
    samples: int,
    *,
    noise: float,
    spread: float,
    jitter: float,
    voices: str,
    length: int,
) -> Samples:
    """Ten vowels as waveforms: glottal pulses through a cascade of three resonators (Klatt 1980).

    Args:
        rng: source of every draw.
        samples: number of waveforms; each vowel has the same number of them, or one more.
        noise: standard deviation of white noise; that of a sustained vowel is 1.
        spread: a speaker's formants are the average ones times 1 - spread to 1 + spread.
        jitter: a period lasts 1 - jitter to 1 + jitter times as long as the pitch says.
        voices: `men`, `women`, `children` or `all`.
        length: samples of a waveform, at 10 000 a second.

    Returns:
        Inputs `(samples, length)` and the vowels' numbers, in the order of `VOWELS`.
    """
    vowels = rng.permutation(np.arange(samples) % len(VOWELS))
    speech = draw_speech(rng, vowels, spread=spread, voices=voices)
    pulses = pulse_train(rng, speech.pitch, length=_WARM_UP + length, jitter=jitter)
    waves = resonate(pulses, speech)[:, _WARM_UP:]
    waves /= np.sqrt(np.mean(waves**2, axis=1, keepdims=True))
    waves *= _envelope(rng, samples, length)
    return labelled(waves + rng.normal(scale=noise, size=waves.shape), vowels)


def draw_spectrograms(rng: np.random.Generator, samples: int, **parameters: Any) -> Samples:
    """The same waveforms as spectrograms in decibels; parameters as of `draw_vowels`.

    Returns:
        Inputs `(samples, 64 · frames)`, which are (frequency, time), and the vowels' numbers.
    """
    waves, vowels = draw_vowels(rng, samples, **parameters)
    return labelled(spectrogram(waves).reshape(samples, -1), vowels)


def draw_speech(
    rng: np.random.Generator, vowels: NDArray[np.int64], *, spread: float, voices: str
) -> Speech:
    """A speaker for each of the vowels `(n,)`."""
    count = len(vowels)
    group = rng.integers(len(VOICES), size=count)
    if voices != "all":
        group[:] = VOICES.index(voices)
    size = 1 + spread * rng.uniform(-1, 1, size=count)
    pitch = PITCH[group] * np.exp(_PITCH_SPREAD * rng.uniform(-np.sqrt(3), np.sqrt(3), size=count))
    low, high = np.log(_PULSE_WIDTHS)
    pulse_width = np.exp(rng.uniform(low, high, size=count))
    return Speech(pitch, FORMANTS[group, vowels] * size[:, None], pulse_width)


def pulse_train(rng: np.random.Generator, pitch: Values, *, length: int, jitter: float) -> Values:
    """A pulse of area 1 in every period: `(n, length)`, starting anywhere in the first one."""
    most = int(np.ceil(length * pitch.max() / RATE / (1 - jitter))) + 1
    periods = RATE / pitch[:, None] * (1 + jitter * rng.uniform(-1, 1, size=(len(pitch), most)))
    times = periods.cumsum(axis=1) - periods[:, :1] * rng.random((len(pitch), 1))
    rows, columns = np.nonzero(times < length - 1)
    first = times[rows, columns].astype(np.int64)
    share = times[rows, columns] - first
    train = np.zeros((len(pitch), length))
    # A pulse between two samples is shared out, or the pitch would be that of whole samples.
    train[rows, first] += 1 - share
    train[rows, first + 1] += share
    return train


def resonate(pulses: Values, speech: Speech) -> Values:
    """The pulses `(n, length)` through each row's glottis, formants and lips."""
    from scipy.signal import sosfilt

    sections = np.stack(
        [
            _resonator(np.zeros_like(speech.pitch), speech.pulse_width),
            *(_resonator(speech.formants[:, i], BANDWIDTHS[i]) for i in range(len(BANDWIDTHS))),
        ],
        axis=1,
    )  # (n, sections, 6)
    # What the lips radiate is the change of the flow.
    sections[:, 0, 1] = -sections[:, 0, 0]
    return np.stack([sosfilt(s, row) for s, row in zip(sections, pulses, strict=True)])


def _resonator(frequency: Values, bandwidth: Values | float) -> Values:
    """Second-order sections `(n, 6)` with a gain of 1 at 0 Hz (Klatt 1980, equations 1 and 2)."""
    radius = np.exp(-np.pi * bandwidth / RATE) * np.ones_like(frequency)
    back, back_two = -2 * radius * np.cos(2 * np.pi * frequency / RATE), radius**2
    zero, one = np.zeros_like(radius), np.ones_like(radius)
    return np.stack([1 + back + back_two, zero, zero, one, back, back_two], axis=1)


def _envelope(rng: np.random.Generator, count: int, length: int) -> Values:
    """Loudness over time `(count, length)`: a vowel begins and ends somewhere."""
    lasts = length * rng.uniform(_SHORTEST, 1, size=(count, 1))
    starts = (length - lasts) * rng.random((count, 1))
    times = np.arange(length)
    within = np.minimum(times - starts, starts + lasts - times)
    return np.sin(np.pi / 2 * np.clip(within / _FADE, 0, 1)) ** 2


def spectrogram(waves: NDArray[np.floating[Any]]) -> Values:
    """Power in decibels `(n, 64, frames)`, of Hann windows of 128 samples that overlap by half.

    The 64 frequencies are 78.125 Hz apart, the first is the lowest above 0.
    """
    # scipy's windows are periodic where they are for spectra.
    window = np.hanning(_WINDOW + 1)[:-1]
    pieces = np.lib.stride_tricks.sliding_window_view(waves, _WINDOW, axis=1)[:, ::_HOP]
    power = np.abs(np.fft.rfft(pieces * window)[..., 1:]) ** 2 / np.sum(window) ** 2
    return 10 * np.log10(power + _SILENCE).transpose(0, 2, 1)


def _vary_waveform(*, length: int, **_: Any) -> Mapping[str, Any]:
    return {"features": length, "shape": (1, length)}


def _vary_spectrogram(*, length: int, **_: Any) -> Mapping[str, Any]:
    frames = (length - _WINDOW) // _HOP + 1
    return {"features": _WINDOW // 2 * frames, "shape": (1, _WINDOW // 2, frames)}


_PARAMETERS: Mapping[str, Parameter] = {
    "noise": 0.2,
    "spread": 0.15,
    "jitter": 0.02,
    "voices": "all",
    "length": 512,
}
_RANGES: Mapping[str, Allowed] = {
    "noise": (0, 10),
    "spread": (0, 0.3),
    "jitter": (0, 0.3),
    "voices": (*VOICES, "all"),
    "length": (256, 4096),
    "samples": (40, 40_000),
}
_CITATION = (
    "G. E. Peterson and H. L. Barney (1952), Control methods used in a study of the vowels, "
    "Journal of the Acoustical Society of America 24, 175-184 (formants); D. H. Klatt (1980), "
    "Software for a cascade/parallel formant synthesizer, Journal of the Acoustical Society of "
    "America 67, 971-995 (resonators)"
)
_SOURCE = "drawn afresh for each split; the average formants are table II of Peterson and Barney"
_SPOKEN = (
    "that of heed, hid, head, had, hod, hawed, hood, who'd, hud or heard, said by men, women and "
    "children"
)
ENTRIES = (
    drawn(
        draw_vowels,
        name="vowels",
        kind="audio",
        parameters=_PARAMETERS,
        ranges=_RANGES,
        varies=_vary_waveform,
        samples=4000,
        outputs=len(VOWELS),
        one_scale=True,
        source=_SOURCE,
        citation=_CITATION,
        description=f"which of ten vowels is spoken, {_SPOKEN}; the waveform at 10 kHz",
    ),
    drawn(
        draw_spectrograms,
        name="vowels_spectrogram",
        kind="audio",
        parameters=_PARAMETERS,
        ranges=_RANGES,
        varies=_vary_spectrogram,
        samples=4000,
        outputs=len(VOWELS),
        one_scale=True,
        source=_SOURCE,
        citation=_CITATION,
        description=f"which of ten vowels is spoken, {_SPOKEN}; decibels over frequency and time, "
        "in windows of 12.8 ms every 6.4 ms",
    ),
)
