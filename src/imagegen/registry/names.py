"""Suggests the valid name for a wrong one: a misspelling, an abbreviation, another notation, but no other parameter.

`negative_prompt` is not a misspelling of `prompt`, nor `image_style` of `image_size`. Callers follow a suggestion
without checking it, so a doubtful one is worse than none. The message lists the valid names anyway.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

# Parameters of fal's image endpoints that no built-in model accepts. They are known, so they are not misspellings.
FAL_PARAMETERS: Final = frozenset(
    """
    audio_url background background_color cfg_scale color_palette colors control_image_url
    control_lora_image_url control_loras controlnet_unions controlnets detailer duration easycontrols embeddings
    enable_prompt_expansion enhance_prompt_mode expand_prompt expansion_prompt face_image_0 face_image_1
    face_image_url gender_0 gender_1 guidance_end image_prompt_strength input_fidelity ip_adapters
    mask_image_url mask_url max_images moderation nag_scale pdf_url prompt_expansion quality raw
    reference_image_url reference_image_urls reference_strength rendering_speed scheduler style style_codes
    style_id style_preset target_image target_image_url thinking_level true_cfg_scale upscale upscale_factor
    use_turbo video_url workflow_type
    """.split()  # noqa: SIM905 - one line for each would add nothing
)
_LONGEST: Final = 100
_ALIKE: Final = 0.85  # of two names without separators
_WORDS_ALIKE: Final = 0.7
_NEARLY_THE_SAME: Final = 0.9  # as image_url and image_urls
_WORD: Final = re.compile(r"[A-Z]?[^\W_A-Z]+|[A-Z]+(?![^\W_A-Z])|[A-Z]")


def suggest_name(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` means; None if there is none, or more than one."""
    given, candidates = name[:_LONGEST], tuple(valid)
    same = [candidate for candidate in candidates if _shape(candidate) == _shape(given) != ""]
    words = _words(given)
    fitting = [candidate for candidate in candidates if _abbreviates(words, _words(candidate))]
    equally_long = [candidate for candidate in fitting if len(_words(candidate)) == len(words)]
    for found in (same, equally_long, fitting):
        if found:
            return found[0] if len(found) == 1 else None
    return _unseparated(given, candidates)


def suggest_equivalent(known: str, valid: Iterable[str]) -> str | None:
    """The valid name for a parameter of other models: `image_urls` for `image_url`."""
    found = suggest_name(known, valid)
    return found if found is not None and _likeness(known, found, _NEARLY_THE_SAME) else None


def _unseparated(given: str, candidates: Iterable[str]) -> str | None:
    """The most similar name, if one of the two has no separators between its words."""
    alike = max(candidates, key=lambda candidate: _likeness(given, candidate, _ALIKE), default="")
    is_one_word = 1 in {len(_words(given)), len(_words(alike))}
    return alike if is_one_word and _likeness(given, alike, _ALIKE) else None


def _likeness(one: str, other: str, at_least: float) -> float:
    """How similar two names are, from 0 to 1; 0 below `at_least`, which an upper bound often tells in less time."""
    matcher = SequenceMatcher(a=_shape(one), b=_shape(other), autojunk=False)
    if matcher.real_quick_ratio() < at_least or matcher.quick_ratio() < at_least:
        return 0
    ratio = matcher.ratio()
    return ratio if ratio >= at_least else 0


@lru_cache(maxsize=1024)
def _shape(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


@lru_cache(maxsize=1024)
def _words(name: str) -> Sequence[str]:
    return tuple(word.casefold() for word in _WORD.findall(name))


def _abbreviates(given: Sequence[str], candidate: Sequence[str]) -> bool:
    """Whether each given word is similar to one of the candidate's, which may have more words."""
    left = list(candidate)
    for word in given:
        best = max(left, key=lambda other: _likeness(word, other, _WORDS_ALIKE), default=None)
        if best is None or not _likeness(word, best, _WORDS_ALIKE):
            return False
        left.remove(best)
    return bool(given)
