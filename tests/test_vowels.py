"""Generated vowels have the published formants, and nothing else tells them apart."""

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import ShortTimeFFT, get_window
from sklearn.linear_model import LogisticRegression

from suite.data import vowels
from suite.data.cards import CARDS, DATASETS
from suite.data.loading import load_split, raw_samples

# Peterson and Barney (1952), table II, as its columns stand: formants of one group in a row.
TABLE = {
    "men": (
        [270, 390, 530, 660, 730, 570, 440, 300, 640, 490],
        [2290, 1990, 1840, 1720, 1090, 840, 1020, 870, 1190, 1350],
        [3010, 2550, 2480, 2410, 2440, 2410, 2240, 2240, 2390, 1690],
        [136, 135, 130, 127, 124, 129, 137, 141, 130, 133],
    ),
    "women": (
        [310, 430, 610, 860, 850, 590, 470, 370, 760, 500],
        [2790, 2480, 2330, 2050, 1220, 920, 1160, 950, 1400, 1640],
        [3310, 3070, 2990, 2850, 2810, 2710, 2680, 2670, 2780, 1960],
        [235, 232, 223, 210, 212, 216, 232, 231, 221, 218],
    ),
    "children": (
        [370, 530, 690, 1010, 1030, 680, 560, 430, 850, 560],
        [3200, 2730, 2610, 2320, 1370, 1060, 1410, 1170, 1590, 1820],
        [3730, 3600, 3570, 3320, 3170, 3180, 3310, 3260, 3360, 2160],
        [272, 269, 260, 251, 256, 263, 276, 274, 261, 261],
    ),
}


def resonances(wave, order=8):
    """Frequencies in hertz, by linear prediction from the autocorrelation."""
    lags = np.correlate(wave, wave, "full")[len(wave) - 1 :][: order + 1]
    roots = np.roots([1, *-solve_toeplitz(lags[:-1], lags[1:])])
    return np.sort(np.angle(roots[roots.imag > 1e-3])) * vowels.RATE / (2 * np.pi)


def test_the_formants_are_the_published_ones():
    for number, voice in enumerate(vowels.VOICES):
        *formants, pitch = TABLE[voice]
        np.testing.assert_array_equal(vowels.FORMANTS[number].T, formants)
        assert vowels.PITCH[number] == pytest.approx(np.mean(pitch), abs=0.05)


@pytest.mark.parametrize("voice", vowels.VOICES)
def test_a_single_pulse_rings_at_the_published_formants(voice):
    """Linear prediction finds them again in what one pulse makes, without noise."""
    pulse = np.zeros((10, 2048))
    pulse[:, 0] = 1
    formants = vowels.FORMANTS[vowels.VOICES.index(voice)]
    speech = vowels.Speech(np.full(10, 100.0), formants, np.full(10, 200.0))
    for wave, known in zip(vowels.resonate(pulse, speech), formants, strict=True):
        # The sum takes back the difference at the lips; what is left has nothing but poles.
        np.testing.assert_allclose(resonances(np.cumsum(wave)), known, atol=5)


def test_formants_are_found_in_long_vowels():
    """The peak of the spectrum near each formant lies within a harmonic of men's voices of it."""
    waves, labels = raw_samples("vowels(voices=men,noise=0,spread=0,length=4096,samples=200)", 0)
    formants = vowels.FORMANTS[vowels.VOICES.index("men")]
    frequency = np.fft.rfftfreq(4096, 1 / vowels.RATE)
    power = np.abs(np.fft.rfft(waves * np.hanning(4096))) ** 2
    for label in range(10):
        # Voices of other pitches have other harmonics; together they fill the spectrum.
        together = power[labels == label].mean(axis=0)
        smooth = np.convolve(together, np.hanning(41), "same")
        for formant in formants[label]:
            near = np.abs(frequency - formant) < 150
            peak = frequency[near][smooth[near].argmax()]
            assert abs(peak - formant) < 100


def test_formants_scale_with_the_speaker():
    labels = np.arange(3000) % 10
    rng = np.random.default_rng(0)
    speech = vowels.draw_speech(rng, labels, spread=0.2, voices="women")
    scale = speech.formants / vowels.FORMANTS[1][labels]
    np.testing.assert_allclose(scale, scale[:, :1].repeat(3, axis=1))
    assert 0.8 <= scale.min() < 0.81
    assert 1.19 < scale.max() <= 1.2
    # Pitch goes with the speaker alone: no vowel has a pitch of its own.
    means = [speech.pitch[labels == label].mean() for label in range(10)]
    assert np.ptp(means) < 20
    assert np.mean(means) == pytest.approx(223, rel=0.03)
    # The highest formant there can be stays below half the sampling rate.
    assert vowels.FORMANTS.max() * (1 + DATASETS["vowels"].ranges["spread"][1]) < vowels.RATE / 2


@pytest.mark.parametrize("pitch", [100.0, 250.0, 333.3])
def test_pulses_come_as_often_as_the_pitch_says(pitch):
    rng = np.random.default_rng(1)
    train = vowels.pulse_train(rng, np.full(50, pitch), length=5000, jitter=0)
    # Each pulse has area 1, shared between two samples.
    assert train.sum(axis=1) == pytest.approx(5000 * pitch / vowels.RATE, abs=1.01)
    spectrum = np.abs(np.fft.rfft(train[0] * np.hanning(5000), 40_000))
    frequency = np.fft.rfftfreq(40_000, 1 / vowels.RATE)
    near = (frequency > 0.7 * pitch) & (frequency < 1.3 * pitch)
    assert frequency[near][spectrum[near].argmax()] == pytest.approx(pitch, abs=0.5)
    shaken = vowels.pulse_train(rng, np.full(50, pitch), length=5000, jitter=0.3)
    assert shaken.sum() == pytest.approx(train.sum(), rel=0.03)
    assert shaken[:, -300:].sum(axis=1).min() > 0


def test_a_vowel_is_heard_for_part_of_the_time():
    envelope = vowels._envelope(np.random.default_rng(0), 2000, 512)
    heard = (envelope > 0.5).mean(axis=1)
    assert 0.5 <= heard.min() < 0.55
    assert 0.85 < heard.max() <= 1
    assert envelope.min() == 0
    assert envelope.max() == 1


def test_the_spectrogram_is_scipys():
    waves = raw_samples("vowels(samples=40)", 0).inputs.astype(float)
    window = get_window("hann", 128)
    transform = ShortTimeFFT(window, 64, vowels.RATE, scale_to="magnitude", phase_shift=None)
    # The first window of ours begins with the wave; scipy's is centred on its first sample.
    power = np.abs(transform.stft(waves, p0=1, p1=8)) ** 2
    expected = 10 * np.log10(power[:, 1:] + 1e-6)
    np.testing.assert_allclose(vowels.spectrogram(waves), expected, atol=1e-6)
    tone = np.sin(2 * np.pi * 78.125 * 10 * np.arange(512) / vowels.RATE)[None]
    heard = vowels.spectrogram(tone)[0]
    assert heard[9] == pytest.approx(10 * np.log10(0.25), abs=0.01)
    assert heard[20:].max() == pytest.approx(-60, abs=0.1)


@pytest.mark.parametrize("name", ["vowels", "vowels_spectrogram"])
def test_sizes_and_classes_are_those_of_the_card(name):
    for length, frames in ((512, 7), (256, 3), (1000, 14)):
        chosen = f"{name}(length={length},samples=41)"
        card, samples = CARDS[chosen], raw_samples(chosen, 3)
        assert samples.inputs.shape == (41, card.features)
        shape = (1, length) if name == "vowels" else (1, 64, frames)
        assert card.shape == shape
        assert sorted(np.bincount(samples.targets)) == [4] * 9 + [5]
    assert not card.scales_per_feature


def test_the_spectrogram_is_of_the_waveforms():
    parameters = dict(DATASETS["vowels"].parameters)
    waves = vowels.draw_vowels(np.random.default_rng(5), 60, **parameters)
    pictures = vowels.draw_spectrograms(np.random.default_rng(5), 60, **parameters)
    np.testing.assert_array_equal(waves.targets, pictures.targets)
    expected = vowels.spectrogram(waves.inputs).reshape(60, -1)
    np.testing.assert_allclose(pictures.inputs, expected, rtol=1e-6)


# Chance is .1. Small convolutional networks score .39 to .45 on waveforms, .85 on spectrograms.
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("vowels", 0.1, 0.2),
        ("vowels_spectrogram", 0.75, 0.86),
        ("vowels_spectrogram(noise=0,spread=0)", 0.9, 1),
        ("vowels_spectrogram(noise=3)", 0.1, 0.35),
    ],
)
def test_a_linear_model_scores_what_is_known_of_the_set(name, low, high):
    split = load_split(name, 0)
    model = LogisticRegression(C=0.01, max_iter=1000)
    model.fit(split.train_inputs, split.train_targets)
    assert low <= model.score(split.test_inputs, split.test_targets) <= high
