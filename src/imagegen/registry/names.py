"""Which valid name a wrong one stands for: a misspelling, an abbreviation, another notation; never another thing.

`negative_prompt` is no misspelling of `prompt`, and `image_style` none of `image_size`. A suggestion is followed
without a second thought, so a doubtful one is worse than none: the message lists the valid names anyway.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

# Parameters of fal's image endpoints that no built-in model takes. They are known, so they are no misspellings.
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
    """.split()  # noqa: SIM905 - a line for each would say no more
)
_LONGEST: Final = 100
_ALIKE: Final = 0.85  # of two names written without separators
_WORDS_ALIKE: Final = 0.7
_NEARLY_THE_SAME: Final = 0.9  # as image_url and image_urls
_WORD: Final = re.compile(r"[A-Z]?[^\W_A-Z]+|[A-Z]+(?![^\W_A-Z])|[A-Z]")


def near_name(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` stands for; None if there is none, or if it could be several."""
    given, candidates = name[:_LONGEST], tuple(valid)
    same = [candidate for candidate in candidates if _shape(candidate) == _shape(given) != ""]
    words = _words(given)
    fitting = [candidate for candidate in candidates if _abbreviates(words, _words(candidate))]
    equally_long = [candidate for candidate in fitting if len(_words(candidate)) == len(words)]
    for found in (same, equally_long, fitting):
        if found:
            return found[0] if len(found) == 1 else None
    return _unseparated(given, candidates)


def same_in_other_words(known: str, valid: Iterable[str]) -> str | None:
    """The valid name that a parameter of other models stands for: `image_url` where `image_urls` is taken."""
    found = near_name(known, valid)
    return found if found is not None and _likeness(known, found) >= _NEARLY_THE_SAME else None


def _unseparated(given: str, candidates: Iterable[str]) -> str | None:
    """The most alike, if one of both is written without separators, so that its words cannot be told apart."""
    alike = max(candidates, key=lambda candidate: _likeness(given, candidate), default="")
    is_one_word = 1 in {len(_words(given)), len(_words(alike))}
    return alike if is_one_word and _likeness(given, alike) >= _ALIKE else None


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(a=_shape(one), b=_shape(other), autojunk=False).ratio()


def _shape(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _abbreviates(given: Sequence[str], candidate: Sequence[str]) -> bool:
    """Whether each given word is one of the candidate's, or nearly so; the candidate may have more of them."""
    left = list(candidate)
    for word in given:
        best = max(left, key=lambda other: _likeness(word, other), default=None)
        if best is None or _likeness(word, best) < _WORDS_ALIKE:
            return False
        left.remove(best)
    return bool(given)
