"""Imagegen and AsyncImagegen, typed for the models of one catalog. Made by `imagegen client types`; do not edit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Required, TypeAlias, TypedDict, Unpack, overload

from imagegen_client import (
    AnyCall,
    AnyEstimate,
    AnyItem,
    AsyncBaseImagegen,
    AsyncBatch,
    AsyncJob,
    BaseImagegen,
    Batch,
    Call,
    Estimate,
    ItemOptions,
    Job,
    JobEvent,
    Json,
)

_Progress: TypeAlias = Callable[[JobEvent], object]
__all__ = ["AsyncImagegen", "BatchItem", "Imagegen", "Json", "Literal", "Required"]


class ImageSize(TypedDict, total=False):
    """Parameters: ImageSize."""

    width: Required[int]
    """Pixels."""
    height: Required[int]
    """Pixels."""


class LoraWeight(TypedDict, total=False):
    """Parameters: LoraWeight."""

    path: Required[str]
    """URL or Hugging Face name of a safetensors file. fal.ai fetches it, not this service."""
    scale: float
    """Weight of the LoRA. Default: 1."""


class RecraftV3OptionsColors(TypedDict, total=False):
    """Parameters: RecraftV3OptionsColors."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4OptionsBackgroundColor(TypedDict, total=False):
    """Parameters: RecraftV4OptionsBackgroundColor."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4OptionsColors(TypedDict, total=False):
    """Parameters: RecraftV4OptionsColors."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4VectorOptionsBackgroundColor(TypedDict, total=False):
    """Parameters: RecraftV4VectorOptionsBackgroundColor."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4VectorOptionsColors(TypedDict, total=False):
    """Parameters: RecraftV4VectorOptionsColors."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4ProOptionsBackgroundColor(TypedDict, total=False):
    """Parameters: RecraftV4ProOptionsBackgroundColor."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class RecraftV4ProOptionsColors(TypedDict, total=False):
    """Parameters: RecraftV4ProOptionsColors."""

    r: Required[int]
    """Red."""
    g: Required[int]
    """Green."""
    b: Required[int]
    """Blue."""


class NanoBananaEditParams(TypedDict, total=False):
    """Parameters: NanoBananaEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    system_prompt: str
    """An instruction to the underlying model, placed before the prompt. Default: ""."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBananaEditCall(NanoBananaEditParams, Call, total=False):
    """A call of nano-banana-edit."""


class NanoBananaEditItem(NanoBananaEditParams, ItemOptions, total=False):
    """nano-banana-edit in a batch."""

    model: Required[Literal["nano-banana-edit"]]


class NanoBananaEditEstimate(TypedDict, total=False):
    """Parameters: NanoBananaEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    system_prompt: str
    """An instruction to the underlying model, placed before the prompt. Default: ""."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class FluxProParams(TypedDict, total=False):
    """Parameters: FluxProParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxProCall(FluxProParams, Call, total=False):
    """A call of flux-pro."""


class FluxProItem(FluxProParams, ItemOptions, total=False):
    """flux-pro in a batch."""

    model: Required[Literal["flux-pro"]]


class FluxProEstimate(TypedDict, total=False):
    """Parameters: FluxProEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxDevParams(TypedDict, total=False):
    """Parameters: FluxDevParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxDevCall(FluxDevParams, Call, total=False):
    """A call of flux-dev."""


class FluxDevItem(FluxDevParams, ItemOptions, total=False):
    """flux-dev in a batch."""

    model: Required[Literal["flux-dev"]]


class FluxDevEstimate(TypedDict, total=False):
    """Parameters: FluxDevEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxLoraParams(TypedDict, total=False):
    """Parameters: FluxLoraParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxLoraCall(FluxLoraParams, Call, total=False):
    """A call of flux-lora."""


class FluxLoraItem(FluxLoraParams, ItemOptions, total=False):
    """flux-lora in a batch."""

    model: Required[Literal["flux-lora"]]


class FluxLoraEstimate(TypedDict, total=False):
    """Parameters: FluxLoraEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxDevImageToImageParams(TypedDict, total=False):
    """Parameters: FluxDevImageToImageParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_url: Required[str]
    """The image to start from."""
    strength: float
    """How far the result may differ from the source image; 1 ignores the source. Default: 0.95."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 40."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxDevImageToImageCall(FluxDevImageToImageParams, Call, total=False):
    """A call of flux-dev-image-to-image."""


class FluxDevImageToImageItem(FluxDevImageToImageParams, ItemOptions, total=False):
    """flux-dev-image-to-image in a batch."""

    model: Required[Literal["flux-dev-image-to-image"]]


class FluxDevImageToImageEstimate(TypedDict, total=False):
    """Parameters: FluxDevImageToImageEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_url: str
    """The image to start from."""
    strength: float
    """How far the result may differ from the source image; 1 ignores the source. Default: 0.95."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 40."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FaceSwapParams(TypedDict, total=False):
    """Parameters: FaceSwapParams."""

    base_image_url: Required[str]
    """The image whose face is replaced."""
    swap_image_url: Required[str]
    """The image that supplies the face."""


class FaceSwapCall(FaceSwapParams, Call, total=False):
    """A call of face-swap."""


class FaceSwapItem(FaceSwapParams, ItemOptions, total=False):
    """face-swap in a batch."""

    model: Required[Literal["face-swap"]]


class FaceSwapEstimate(TypedDict, total=False):
    """Parameters: FaceSwapEstimate."""

    base_image_url: str
    """The image whose face is replaced."""
    swap_image_url: str
    """The image that supplies the face."""


class FluxSchnellParams(TypedDict, total=False):
    """Parameters: FluxSchnellParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxSchnellCall(FluxSchnellParams, Call, total=False):
    """A call of flux-schnell."""


class FluxSchnellItem(FluxSchnellParams, ItemOptions, total=False):
    """flux-schnell in a batch."""

    model: Required[Literal["flux-schnell"]]


class FluxSchnellEstimate(TypedDict, total=False):
    """Parameters: FluxSchnellEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class FluxProUltraParams(TypedDict, total=False):
    """Parameters: FluxProUltraParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_url: str
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    image_prompt_strength: float
    """How much the image prompt counts beside the text. Default: 0.1."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height. Default: "16:9"."""
    raw: bool
    """Make a less processed, more natural image."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxProUltraCall(FluxProUltraParams, Call, total=False):
    """A call of flux-pro-ultra."""


class FluxProUltraItem(FluxProUltraParams, ItemOptions, total=False):
    """flux-pro-ultra in a batch."""

    model: Required[Literal["flux-pro-ultra"]]


class FluxProUltraEstimate(TypedDict, total=False):
    """Parameters: FluxProUltraEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_url: str
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    image_prompt_strength: float
    """How much the image prompt counts beside the text. Default: 0.1."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height. Default: "16:9"."""
    raw: bool
    """Make a less processed, more natural image."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxKontextProParams(TypedDict, total=False):
    """Parameters: FluxKontextProParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_url: Required[str]
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxKontextProCall(FluxKontextProParams, Call, total=False):
    """A call of flux-kontext-pro."""


class FluxKontextProItem(FluxKontextProParams, ItemOptions, total=False):
    """flux-kontext-pro in a batch."""

    model: Required[Literal["flux-kontext-pro"]]


class FluxKontextProEstimate(TypedDict, total=False):
    """Parameters: FluxKontextProEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_url: str
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxKontextMaxParams(TypedDict, total=False):
    """Parameters: FluxKontextMaxParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_url: Required[str]
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class FluxKontextMaxCall(FluxKontextMaxParams, Call, total=False):
    """A call of flux-kontext-max."""


class FluxKontextMaxItem(FluxKontextMaxParams, ItemOptions, total=False):
    """flux-kontext-max in a batch."""

    model: Required[Literal["flux-kontext-max"]]


class FluxKontextMaxEstimate(TypedDict, total=False):
    """Parameters: FluxKontextMaxEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_url: str
    """The image to start from."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    enhance_prompt: bool
    """Let fal.ai rewrite the prompt first. Default: false."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]
    """The aspect ratio of the image, width to height."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2ProParams(TypedDict, total=False):
    """Parameters: Flux2ProParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2ProCall(Flux2ProParams, Call, total=False):
    """A call of flux-2-pro."""


class Flux2ProItem(Flux2ProParams, ItemOptions, total=False):
    """flux-2-pro in a batch."""

    model: Required[Literal["flux-2-pro"]]


class Flux2ProEstimate(TypedDict, total=False):
    """Parameters: Flux2ProEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2ProEditParams(TypedDict, total=False):
    """Parameters: Flux2ProEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2ProEditCall(Flux2ProEditParams, Call, total=False):
    """A call of flux-2-pro-edit."""


class Flux2ProEditItem(Flux2ProEditParams, ItemOptions, total=False):
    """flux-2-pro-edit in a batch."""

    model: Required[Literal["flux-2-pro-edit"]]


class Flux2ProEditEstimate(TypedDict, total=False):
    """Parameters: Flux2ProEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2FlexParams(TypedDict, total=False):
    """Parameters: Flux2FlexParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2FlexCall(Flux2FlexParams, Call, total=False):
    """A call of flux-2-flex."""


class Flux2FlexItem(Flux2FlexParams, ItemOptions, total=False):
    """flux-2-flex in a batch."""

    model: Required[Literal["flux-2-flex"]]


class Flux2FlexEstimate(TypedDict, total=False):
    """Parameters: Flux2FlexEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2FlexEditParams(TypedDict, total=False):
    """Parameters: Flux2FlexEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2FlexEditCall(Flux2FlexEditParams, Call, total=False):
    """A call of flux-2-flex-edit."""


class Flux2FlexEditItem(Flux2FlexEditParams, ItemOptions, total=False):
    """flux-2-flex-edit in a batch."""

    model: Required[Literal["flux-2-flex-edit"]]


class Flux2FlexEditEstimate(TypedDict, total=False):
    """Parameters: Flux2FlexEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 3.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""
    safety_tolerance: Literal["1", "2", "3", "4", "5"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "2"."""


class Flux2LoraParams(TypedDict, total=False):
    """Parameters: Flux2LoraParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 2.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_prompt_expansion: bool
    """Let fal.ai add detail to the prompt first."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2LoraCall(Flux2LoraParams, Call, total=False):
    """A call of flux-2-lora."""


class Flux2LoraItem(Flux2LoraParams, ItemOptions, total=False):
    """flux-2-lora in a batch."""

    model: Required[Literal["flux-2-lora"]]


class Flux2LoraEstimate(TypedDict, total=False):
    """Parameters: Flux2LoraEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 2.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_prompt_expansion: bool
    """Let fal.ai add detail to the prompt first."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinParams(TypedDict, total=False):
    """Parameters: Flux2KleinParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 8."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinCall(Flux2KleinParams, Call, total=False):
    """A call of flux-2-klein."""


class Flux2KleinItem(Flux2KleinParams, ItemOptions, total=False):
    """flux-2-klein in a batch."""

    model: Required[Literal["flux-2-klein"]]


class Flux2KleinEstimate(TypedDict, total=False):
    """Parameters: Flux2KleinEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 8."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinEditParams(TypedDict, total=False):
    """Parameters: Flux2KleinEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinEditCall(Flux2KleinEditParams, Call, total=False):
    """A call of flux-2-klein-edit."""


class Flux2KleinEditItem(Flux2KleinEditParams, ItemOptions, total=False):
    """flux-2-klein-edit in a batch."""

    model: Required[Literal["flux-2-klein-edit"]]


class Flux2KleinEditEstimate(TypedDict, total=False):
    """Parameters: Flux2KleinEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinEditLoraParams(TypedDict, total=False):
    """Parameters: Flux2KleinEditLoraParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Flux2KleinEditLoraCall(Flux2KleinEditLoraParams, Call, total=False):
    """A call of flux-2-klein-edit-lora."""


class Flux2KleinEditLoraItem(Flux2KleinEditLoraParams, ItemOptions, total=False):
    """flux-2-klein-edit-lora in a batch."""

    model: Required[Literal["flux-2-klein-edit-lora"]]


class Flux2KleinEditLoraEstimate(TypedDict, total=False):
    """Parameters: Flux2KleinEditLoraEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 4."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class NanoBananaParams(TypedDict, total=False):
    """Parameters: NanoBananaParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBananaCall(NanoBananaParams, Call, total=False):
    """A call of nano-banana."""


class NanoBananaItem(NanoBananaParams, ItemOptions, total=False):
    """nano-banana in a batch."""

    model: Required[Literal["nano-banana"]]


class NanoBananaEstimate(TypedDict, total=False):
    """Parameters: NanoBananaEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana1EditParams(TypedDict, total=False):
    """Parameters: NanoBanana1EditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana1EditCall(NanoBanana1EditParams, Call, total=False):
    """A call of nano-banana-1-edit."""


class NanoBanana1EditItem(NanoBanana1EditParams, ItemOptions, total=False):
    """nano-banana-1-edit in a batch."""

    model: Required[Literal["nano-banana-1-edit"]]


class NanoBanana1EditEstimate(TypedDict, total=False):
    """Parameters: NanoBanana1EditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana2Params(TypedDict, total=False):
    """Parameters: NanoBanana2Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "4:1", "1:4", "8:1", "1:8"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["0.5K", "1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    thinking_level: Literal["minimal", "high"]
    """How much the model plans before it draws."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana2Call(NanoBanana2Params, Call, total=False):
    """A call of nano-banana-2."""


class NanoBanana2Item(NanoBanana2Params, ItemOptions, total=False):
    """nano-banana-2 in a batch."""

    model: Required[Literal["nano-banana-2"]]


class NanoBanana2Estimate(TypedDict, total=False):
    """Parameters: NanoBanana2Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "4:1", "1:4", "8:1", "1:8"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["0.5K", "1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    thinking_level: Literal["minimal", "high"]
    """How much the model plans before it draws."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana2EditParams(TypedDict, total=False):
    """Parameters: NanoBanana2EditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "4:1", "1:4", "8:1", "1:8"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["0.5K", "1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    thinking_level: Literal["minimal", "high"]
    """How much the model plans before it draws."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBanana2EditCall(NanoBanana2EditParams, Call, total=False):
    """A call of nano-banana-2-edit."""


class NanoBanana2EditItem(NanoBanana2EditParams, ItemOptions, total=False):
    """nano-banana-2-edit in a batch."""

    model: Required[Literal["nano-banana-2-edit"]]


class NanoBanana2EditEstimate(TypedDict, total=False):
    """Parameters: NanoBanana2EditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "4:1", "1:4", "8:1", "1:8"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["0.5K", "1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    thinking_level: Literal["minimal", "high"]
    """How much the model plans before it draws."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBananaProParams(TypedDict, total=False):
    """Parameters: NanoBananaProParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class NanoBananaProCall(NanoBananaProParams, Call, total=False):
    """A call of nano-banana-pro."""


class NanoBananaProItem(NanoBananaProParams, ItemOptions, total=False):
    """nano-banana-pro in a batch."""

    model: Required[Literal["nano-banana-pro"]]


class NanoBananaProEstimate(TypedDict, total=False):
    """Parameters: NanoBananaProEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    enable_web_search: bool
    """Use a web search for the image. Default: false."""
    limit_generations: bool
    """Make one image per prompt round, and ignore image counts written in the prompt. Default: true."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1K", "2K", "4K"]
    """The size of the image as a tier. Default: "1K"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"]
    """How tolerant the moderation is, as text. "1" is the strictest. Default: "4"."""


class GptImage1Params(TypedDict, total=False):
    """Parameters: GptImage1Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage1Call(GptImage1Params, Call, total=False):
    """A call of gpt-image-1."""


class GptImage1Item(GptImage1Params, ItemOptions, total=False):
    """gpt-image-1 in a batch."""

    model: Required[Literal["gpt-image-1"]]


class GptImage1Estimate(TypedDict, total=False):
    """Parameters: GptImage1Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage1MiniParams(TypedDict, total=False):
    """Parameters: GptImage1MiniParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage1MiniCall(GptImage1MiniParams, Call, total=False):
    """A call of gpt-image-1-mini."""


class GptImage1MiniItem(GptImage1MiniParams, ItemOptions, total=False):
    """gpt-image-1-mini in a batch."""

    model: Required[Literal["gpt-image-1-mini"]]


class GptImage1MiniEstimate(TypedDict, total=False):
    """Parameters: GptImage1MiniEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage15Params(TypedDict, total=False):
    """Parameters: GptImage15Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage15Call(GptImage15Params, Call, total=False):
    """A call of gpt-image-1.5."""


class GptImage15Item(GptImage15Params, ItemOptions, total=False):
    """gpt-image-1.5 in a batch."""

    model: Required[Literal["gpt-image-1.5"]]


class GptImage15Estimate(TypedDict, total=False):
    """Parameters: GptImage15Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: Literal["1024x1024", "1536x1024", "1024x1536"]
    """The size of the image, by its name. Default: "1024x1024"."""
    quality: Literal["low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage2Params(TypedDict, total=False):
    """Parameters: GptImage2Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    quality: Literal["auto", "low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage2Call(GptImage2Params, Call, total=False):
    """A call of gpt-image-2."""


class GptImage2Item(GptImage2Params, ItemOptions, total=False):
    """gpt-image-2 in a batch."""

    model: Required[Literal["gpt-image-2"]]


class GptImage2Estimate(TypedDict, total=False):
    """Parameters: GptImage2Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    quality: Literal["auto", "low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage2EditParams(TypedDict, total=False):
    """Parameters: GptImage2EditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    mask_url: str
    """The image that marks the area to change; white areas are changed."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    quality: Literal["auto", "low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class GptImage2EditCall(GptImage2EditParams, Call, total=False):
    """A call of gpt-image-2-edit."""


class GptImage2EditItem(GptImage2EditParams, ItemOptions, total=False):
    """gpt-image-2-edit in a batch."""

    model: Required[Literal["gpt-image-2-edit"]]


class GptImage2EditEstimate(TypedDict, total=False):
    """Parameters: GptImage2EditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    mask_url: str
    """The image that marks the area to change; white areas are changed."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    quality: Literal["auto", "low", "medium", "high"]
    """The quality of the image; a higher one costs more and takes longer. Default: "high"."""
    background: Literal["auto", "transparent", "opaque"]
    """Whether the background is transparent. Default: "auto"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""


class Seedream45Params(TypedDict, total=False):
    """Parameters: Seedream45Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_4K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream45Call(Seedream45Params, Call, total=False):
    """A call of seedream-4.5."""


class Seedream45Item(Seedream45Params, ItemOptions, total=False):
    """seedream-4.5 in a batch."""

    model: Required[Literal["seedream-4.5"]]


class Seedream45Estimate(TypedDict, total=False):
    """Parameters: Seedream45Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_4K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream45EditParams(TypedDict, total=False):
    """Parameters: Seedream45EditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_4K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream45EditCall(Seedream45EditParams, Call, total=False):
    """A call of seedream-4.5-edit."""


class Seedream45EditItem(Seedream45EditParams, ItemOptions, total=False):
    """seedream-4.5-edit in a batch."""

    model: Required[Literal["seedream-4.5-edit"]]


class Seedream45EditEstimate(TypedDict, total=False):
    """Parameters: Seedream45EditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_4K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5LiteParams(TypedDict, total=False):
    """Parameters: Seedream5LiteParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_3K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5LiteCall(Seedream5LiteParams, Call, total=False):
    """A call of seedream-5-lite."""


class Seedream5LiteItem(Seedream5LiteParams, ItemOptions, total=False):
    """seedream-5-lite in a batch."""

    model: Required[Literal["seedream-5-lite"]]


class Seedream5LiteEstimate(TypedDict, total=False):
    """Parameters: Seedream5LiteEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_3K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5LiteEditParams(TypedDict, total=False):
    """Parameters: Seedream5LiteEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_3K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5LiteEditCall(Seedream5LiteEditParams, Call, total=False):
    """A call of seedream-5-lite-edit."""


class Seedream5LiteEditItem(Seedream5LiteEditParams, ItemOptions, total=False):
    """seedream-5-lite-edit in a batch."""

    model: Required[Literal["seedream-5-lite-edit"]]


class Seedream5LiteEditEstimate(TypedDict, total=False):
    """Parameters: Seedream5LiteEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    max_images: int
    """The most images that one round may make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_2K", "auto_3K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5ProEditParams(TypedDict, total=False):
    """Parameters: Seedream5ProEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_1K", "auto_2K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class Seedream5ProEditCall(Seedream5ProEditParams, Call, total=False):
    """A call of seedream-5-pro-edit."""


class Seedream5ProEditItem(Seedream5ProEditParams, ItemOptions, total=False):
    """seedream-5-pro-edit in a batch."""

    model: Required[Literal["seedream-5-pro-edit"]]


class Seedream5ProEditEstimate(TypedDict, total=False):
    """Parameters: Seedream5ProEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9", "auto_1K", "auto_2K"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "auto_2K".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV3Params(TypedDict, total=False):
    """Parameters: RecraftV3Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    colors: list[RecraftV3OptionsColors] | tuple[RecraftV3OptionsColors, ...]
    """The colors that the image prefers."""
    style: Literal["any", "realistic_image", "digital_illustration", "vector_illustration", "realistic_image/b_and_w", "realistic_image/enterprise", "realistic_image/hard_flash", "realistic_image/hdr", "realistic_image/motion_blur", "realistic_image/natural_light", "realistic_image/studio_portrait", "digital_illustration/2d_art_poster", "digital_illustration/2d_art_poster_2", "digital_illustration/3d", "digital_illustration/80s", "digital_illustration/engraving_color", "digital_illustration/glow", "digital_illustration/grain", "digital_illustration/hand_drawn", "digital_illustration/hand_drawn_outline", "digital_illustration/handmade_3d", "digital_illustration/infantile_sketch", "digital_illustration/kawaii", "digital_illustration/pixel_art", "digital_illustration/psychedelic", "digital_illustration/seamless", "digital_illustration/voxel", "digital_illustration/watercolor", "vector_illustration/cartoon", "vector_illustration/doodle_line_art", "vector_illustration/engraving", "vector_illustration/flat_2", "vector_illustration/kawaii", "vector_illustration/line_art", "vector_illustration/line_circuit", "vector_illustration/linocut", "vector_illustration/seamless"]
    """The style of the image. Default: "realistic_image"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV3Call(RecraftV3Params, Call, total=False):
    """A call of recraft-v3."""


class RecraftV3Item(RecraftV3Params, ItemOptions, total=False):
    """recraft-v3 in a batch."""

    model: Required[Literal["recraft-v3"]]


class RecraftV3Estimate(TypedDict, total=False):
    """Parameters: RecraftV3Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    colors: list[RecraftV3OptionsColors] | tuple[RecraftV3OptionsColors, ...]
    """The colors that the image prefers."""
    style: Literal["any", "realistic_image", "digital_illustration", "vector_illustration", "realistic_image/b_and_w", "realistic_image/enterprise", "realistic_image/hard_flash", "realistic_image/hdr", "realistic_image/motion_blur", "realistic_image/natural_light", "realistic_image/studio_portrait", "digital_illustration/2d_art_poster", "digital_illustration/2d_art_poster_2", "digital_illustration/3d", "digital_illustration/80s", "digital_illustration/engraving_color", "digital_illustration/glow", "digital_illustration/grain", "digital_illustration/hand_drawn", "digital_illustration/hand_drawn_outline", "digital_illustration/handmade_3d", "digital_illustration/infantile_sketch", "digital_illustration/kawaii", "digital_illustration/pixel_art", "digital_illustration/psychedelic", "digital_illustration/seamless", "digital_illustration/voxel", "digital_illustration/watercolor", "vector_illustration/cartoon", "vector_illustration/doodle_line_art", "vector_illustration/engraving", "vector_illustration/flat_2", "vector_illustration/kawaii", "vector_illustration/line_art", "vector_illustration/line_circuit", "vector_illustration/linocut", "vector_illustration/seamless"]
    """The style of the image. Default: "realistic_image"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4Params(TypedDict, total=False):
    """Parameters: RecraftV4Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4OptionsBackgroundColor
    colors: list[RecraftV4OptionsColors] | tuple[RecraftV4OptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4Call(RecraftV4Params, Call, total=False):
    """A call of recraft-v4."""


class RecraftV4Item(RecraftV4Params, ItemOptions, total=False):
    """recraft-v4 in a batch."""

    model: Required[Literal["recraft-v4"]]


class RecraftV4Estimate(TypedDict, total=False):
    """Parameters: RecraftV4Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4OptionsBackgroundColor
    colors: list[RecraftV4OptionsColors] | tuple[RecraftV4OptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4VectorParams(TypedDict, total=False):
    """Parameters: RecraftV4VectorParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4VectorOptionsBackgroundColor
    colors: list[RecraftV4VectorOptionsColors] | tuple[RecraftV4VectorOptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4VectorCall(RecraftV4VectorParams, Call, total=False):
    """A call of recraft-v4-vector."""


class RecraftV4VectorItem(RecraftV4VectorParams, ItemOptions, total=False):
    """recraft-v4-vector in a batch."""

    model: Required[Literal["recraft-v4-vector"]]


class RecraftV4VectorEstimate(TypedDict, total=False):
    """Parameters: RecraftV4VectorEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4VectorOptionsBackgroundColor
    colors: list[RecraftV4VectorOptionsColors] | tuple[RecraftV4VectorOptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4ProParams(TypedDict, total=False):
    """Parameters: RecraftV4ProParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4ProOptionsBackgroundColor
    colors: list[RecraftV4ProOptionsColors] | tuple[RecraftV4ProOptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class RecraftV4ProCall(RecraftV4ProParams, Call, total=False):
    """A call of recraft-v4-pro."""


class RecraftV4ProItem(RecraftV4ProParams, ItemOptions, total=False):
    """recraft-v4-pro in a batch."""

    model: Required[Literal["recraft-v4-pro"]]


class RecraftV4ProEstimate(TypedDict, total=False):
    """Parameters: RecraftV4ProEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    background_color: RecraftV4ProOptionsBackgroundColor
    colors: list[RecraftV4ProOptionsColors] | tuple[RecraftV4ProOptionsColors, ...]
    """The colors that the image prefers."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV3Params(TypedDict, total=False):
    """Parameters: IdeogramV3Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expand_prompt: bool
    """Let fal.ai add detail to the prompt first. Default: true."""
    style: Literal["AUTO", "GENERAL", "REALISTIC", "DESIGN"]
    """The style of the image."""
    style_codes: list[str] | tuple[str, ...]
    """Codes of styles, in place of a style by name."""
    style_preset: Literal["80S_ILLUSTRATION", "90S_NOSTALGIA", "ABSTRACT_ORGANIC", "ANALOG_NOSTALGIA", "ART_BRUT", "ART_DECO", "ART_POSTER", "AURA", "AVANT_GARDE", "BAUHAUS", "BLUEPRINT", "BLURRY_MOTION", "BRIGHT_ART", "C4D_CARTOON", "CHILDRENS_BOOK", "COLLAGE", "COLORING_BOOK_I", "COLORING_BOOK_II", "CUBISM", "DARK_AURA", "DOODLE", "DOUBLE_EXPOSURE", "DRAMATIC_CINEMA", "EDITORIAL", "EMOTIONAL_MINIMAL", "ETHEREAL_PARTY", "EXPIRED_FILM", "FLAT_ART", "FLAT_VECTOR", "FOREST_REVERIE", "GEO_MINIMALIST", "GLASS_PRISM", "GOLDEN_HOUR", "GRAFFITI_I", "GRAFFITI_II", "HALFTONE_PRINT", "HIGH_CONTRAST", "HIPPIE_ERA", "ICONIC", "JAPANDI_FUSION", "JAZZY", "LONG_EXPOSURE", "MAGAZINE_EDITORIAL", "MINIMAL_ILLUSTRATION", "MIXED_MEDIA", "MONOCHROME", "NIGHTLIFE", "OIL_PAINTING", "OLD_CARTOONS", "PAINT_GESTURE", "POP_ART", "RETRO_ETCHING", "RIVIERA_POP", "SPOTLIGHT_80S", "STYLIZED_RED", "SURREAL_COLLAGE", "TRAVEL_POSTER", "VINTAGE_GEO", "VINTAGE_POSTER", "WATERCOLOR", "WEIRD", "WOODBLOCK_PRINT"]
    """The style of the image."""


class IdeogramV3Call(IdeogramV3Params, Call, total=False):
    """A call of ideogram-v3."""


class IdeogramV3Item(IdeogramV3Params, ItemOptions, total=False):
    """ideogram-v3 in a batch."""

    model: Required[Literal["ideogram-v3"]]


class IdeogramV3Estimate(TypedDict, total=False):
    """Parameters: IdeogramV3Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expand_prompt: bool
    """Let fal.ai add detail to the prompt first. Default: true."""
    style: Literal["AUTO", "GENERAL", "REALISTIC", "DESIGN"]
    """The style of the image."""
    style_codes: list[str] | tuple[str, ...]
    """Codes of styles, in place of a style by name."""
    style_preset: Literal["80S_ILLUSTRATION", "90S_NOSTALGIA", "ABSTRACT_ORGANIC", "ANALOG_NOSTALGIA", "ART_BRUT", "ART_DECO", "ART_POSTER", "AURA", "AVANT_GARDE", "BAUHAUS", "BLUEPRINT", "BLURRY_MOTION", "BRIGHT_ART", "C4D_CARTOON", "CHILDRENS_BOOK", "COLLAGE", "COLORING_BOOK_I", "COLORING_BOOK_II", "CUBISM", "DARK_AURA", "DOODLE", "DOUBLE_EXPOSURE", "DRAMATIC_CINEMA", "EDITORIAL", "EMOTIONAL_MINIMAL", "ETHEREAL_PARTY", "EXPIRED_FILM", "FLAT_ART", "FLAT_VECTOR", "FOREST_REVERIE", "GEO_MINIMALIST", "GLASS_PRISM", "GOLDEN_HOUR", "GRAFFITI_I", "GRAFFITI_II", "HALFTONE_PRINT", "HIGH_CONTRAST", "HIPPIE_ERA", "ICONIC", "JAPANDI_FUSION", "JAZZY", "LONG_EXPOSURE", "MAGAZINE_EDITORIAL", "MINIMAL_ILLUSTRATION", "MIXED_MEDIA", "MONOCHROME", "NIGHTLIFE", "OIL_PAINTING", "OLD_CARTOONS", "PAINT_GESTURE", "POP_ART", "RETRO_ETCHING", "RIVIERA_POP", "SPOTLIGHT_80S", "STYLIZED_RED", "SURREAL_COLLAGE", "TRAVEL_POSTER", "VINTAGE_GEO", "VINTAGE_POSTER", "WATERCOLOR", "WEIRD", "WOODBLOCK_PRINT"]
    """The style of the image."""


class IdeogramV4Params(TypedDict, total=False):
    """Parameters: IdeogramV4Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expansion_model: Literal["None"]
    """The model that adds detail to the prompt first: none. Default: "None"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "low", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV4Call(IdeogramV4Params, Call, total=False):
    """A call of ideogram-v4."""


class IdeogramV4Item(IdeogramV4Params, ItemOptions, total=False):
    """ideogram-v4 in a batch."""

    model: Required[Literal["ideogram-v4"]]


class IdeogramV4Estimate(TypedDict, total=False):
    """Parameters: IdeogramV4Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expansion_model: Literal["None"]
    """The model that adds detail to the prompt first: none. Default: "None"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    acceleration: Literal["none", "low", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV4FastParams(TypedDict, total=False):
    """Parameters: IdeogramV4FastParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expansion_model: Literal["None", "Medium"]
    """The model that adds detail to the prompt first, or None. Default: "Medium"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV4FastCall(IdeogramV4FastParams, Call, total=False):
    """A call of ideogram-v4-fast."""


class IdeogramV4FastItem(IdeogramV4FastParams, ItemOptions, total=False):
    """ideogram-v4-fast in a batch."""

    model: Required[Literal["ideogram-v4-fast"]]


class IdeogramV4FastEstimate(TypedDict, total=False):
    """Parameters: IdeogramV4FastEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    rendering_speed: Literal["TURBO", "BALANCED", "QUALITY"]
    """Trades quality for speed; slower renderings cost more. Default: "BALANCED"."""
    expansion_model: Literal["None", "Medium"]
    """The model that adds detail to the prompt first, or None. Default: "Medium"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV4InstantParams(TypedDict, total=False):
    """Parameters: IdeogramV4InstantParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    expansion_model: Literal["None", "Medium"]
    """The model that adds detail to the prompt first, or None. Default: "Medium"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class IdeogramV4InstantCall(IdeogramV4InstantParams, Call, total=False):
    """A call of ideogram-v4-instant."""


class IdeogramV4InstantItem(IdeogramV4InstantParams, ItemOptions, total=False):
    """ideogram-v4-instant in a batch."""

    model: Required[Literal["ideogram-v4-instant"]]


class IdeogramV4InstantEstimate(TypedDict, total=False):
    """Parameters: IdeogramV4InstantEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "square_hd".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    expansion_model: Literal["None", "Medium"]
    """The model that adds detail to the prompt first, or None. Default: "Medium"."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class QwenImageParams(TypedDict, total=False):
    """Parameters: QwenImageParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 2.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 30."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    use_turbo: bool
    """Take less time, at some loss of quality."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class QwenImageCall(QwenImageParams, Call, total=False):
    """A call of qwen-image."""


class QwenImageItem(QwenImageParams, ItemOptions, total=False):
    """qwen-image in a batch."""

    model: Required[Literal["qwen-image"]]


class QwenImageEstimate(TypedDict, total=False):
    """Parameters: QwenImageEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    loras: list[LoraWeight] | tuple[LoraWeight, ...]
    """LoRA weights, merged into the base model."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 2.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 30."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    use_turbo: bool
    """Take less time, at some loss of quality."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "none"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class QwenImageAnglesParams(TypedDict, total=False):
    """Parameters: QwenImageAnglesParams."""

    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 4.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    additional_prompt: str
    """Text that is added to the prompt."""
    lora_scale: float
    """Weight of the LoRA. Default: 1."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    horizontal_angle: float
    """The camera's angle around the subject in degrees."""
    vertical_angle: float
    """The camera's angle above the subject in degrees."""
    zoom: float
    """How near the camera is. Default: 5."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class QwenImageAnglesCall(QwenImageAnglesParams, Call, total=False):
    """A call of qwen-image-angles."""


class QwenImageAnglesItem(QwenImageAnglesParams, ItemOptions, total=False):
    """qwen-image-angles in a batch."""

    model: Required[Literal["qwen-image-angles"]]


class QwenImageAnglesEstimate(TypedDict, total=False):
    """Parameters: QwenImageAnglesEstimate."""

    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 4.5."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 28."""
    additional_prompt: str
    """Text that is added to the prompt."""
    lora_scale: float
    """Weight of the LoRA. Default: 1."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    horizontal_angle: float
    """The camera's angle around the subject in degrees."""
    vertical_angle: float
    """The camera's angle above the subject in degrees."""
    zoom: float
    """How near the camera is. Default: 5."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class ZImageTurboParams(TypedDict, total=False):
    """Parameters: ZImageTurboParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 8."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_prompt_expansion: bool
    """Let fal.ai add detail to the prompt first."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class ZImageTurboCall(ZImageTurboParams, Call, total=False):
    """A call of z-image-turbo."""


class ZImageTurboItem(ZImageTurboParams, ItemOptions, total=False):
    """z-image-turbo in a batch."""

    model: Required[Literal["z-image-turbo"]]


class ZImageTurboEstimate(TypedDict, total=False):
    """Parameters: ZImageTurboEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 8."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height. Default:
    "landscape_4_3".
    """
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    enable_prompt_expansion: bool
    """Let fal.ai add detail to the prompt first."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "png"."""
    acceleration: Literal["none", "regular", "high"]
    """Trades quality for speed. Default: "regular"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class HidreamI1FastParams(TypedDict, total=False):
    """Parameters: HidreamI1FastParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class HidreamI1FastCall(HidreamI1FastParams, Call, total=False):
    """A call of hidream-i1-fast."""


class HidreamI1FastItem(HidreamI1FastParams, ItemOptions, total=False):
    """hidream-i1-fast in a batch."""

    model: Required[Literal["hidream-i1-fast"]]


class HidreamI1FastEstimate(TypedDict, total=False):
    """Parameters: HidreamI1FastEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    image_size: ImageSize | Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
    """The name of a preset, or an object with width and height in pixels. Not together with width and height."""
    width: int
    """Width in pixels; only together with height, and not with image_size."""
    height: int
    """Height in pixels; only together with width, and not with image_size."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class GrokImagineParams(TypedDict, total=False):
    """Parameters: GrokImagineParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagineCall(GrokImagineParams, Call, total=False):
    """A call of grok-imagine."""


class GrokImagineItem(GrokImagineParams, ItemOptions, total=False):
    """grok-imagine in a batch."""

    model: Required[Literal["grok-imagine"]]


class GrokImagineEstimate(TypedDict, total=False):
    """Parameters: GrokImagineEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagineEditParams(TypedDict, total=False):
    """Parameters: GrokImagineEditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagineEditCall(GrokImagineEditParams, Call, total=False):
    """A call of grok-imagine-edit."""


class GrokImagineEditItem(GrokImagineEditParams, ItemOptions, total=False):
    """grok-imagine-edit in a batch."""

    model: Required[Literal["grok-imagine-edit"]]


class GrokImagineEditEstimate(TypedDict, total=False):
    """Parameters: GrokImagineEditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagine2Params(TypedDict, total=False):
    """Parameters: GrokImagine2Params."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    quality: Literal["low", "medium"]
    """The quality of the image; a higher one costs more and takes longer. Default: "medium"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagine2Call(GrokImagine2Params, Call, total=False):
    """A call of grok-imagine-2."""


class GrokImagine2Item(GrokImagine2Params, ItemOptions, total=False):
    """grok-imagine-2 in a batch."""

    model: Required[Literal["grok-imagine-2"]]


class GrokImagine2Estimate(TypedDict, total=False):
    """Parameters: GrokImagine2Estimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "1:1"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    quality: Literal["low", "medium"]
    """The quality of the image; a higher one costs more and takes longer. Default: "medium"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagine2EditParams(TypedDict, total=False):
    """Parameters: GrokImagine2EditParams."""

    prompt: Required[str]
    """What the image shows; for an edit, what to change."""
    image_urls: Required[list[str] | tuple[str, ...]]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    quality: Literal["low", "medium"]
    """The quality of the image; a higher one costs more and takes longer. Default: "medium"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class GrokImagine2EditCall(GrokImagine2EditParams, Call, total=False):
    """A call of grok-imagine-2-edit."""


class GrokImagine2EditItem(GrokImagine2EditParams, ItemOptions, total=False):
    """grok-imagine-2-edit in a batch."""

    model: Required[Literal["grok-imagine-2-edit"]]


class GrokImagine2EditEstimate(TypedDict, total=False):
    """Parameters: GrokImagine2EditEstimate."""

    prompt: str
    """What the image shows; for an edit, what to change."""
    image_urls: list[str] | tuple[str, ...]
    """Images to edit or to use as references, in the order in which the prompt mentions them."""
    num_images: int
    """Number of images to make; each one is charged. Default: 1."""
    aspect_ratio: Literal["auto", "2:1", "20:9", "19.5:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:19.5", "9:20", "1:2"]
    """The aspect ratio of the image, width to height. Default: "auto"."""
    resolution: Literal["1k", "2k"]
    """The size of the image as a tier. Default: "1k"."""
    quality: Literal["low", "medium"]
    """The quality of the image; a higher one costs more and takes longer. Default: "medium"."""
    output_format: Literal["jpeg", "png", "webp"]
    """The file type of the image. Default: "jpeg"."""


class ClarityUpscalerParams(TypedDict, total=False):
    """Parameters: ClarityUpscalerParams."""

    image_url: Required[str]
    """The image to start from."""
    prompt: str
    """What the image shows; for an edit, what to change."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 4."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 18."""
    creativity: float
    """How far the result may depart from its source. Default: 0.35."""
    resemblance: float
    """How closely the result keeps to its source. Default: 0.6."""
    upscale_factor: float
    """How many times as wide and high the result is. Default: 2."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class ClarityUpscalerCall(ClarityUpscalerParams, Call, total=False):
    """A call of clarity-upscaler."""


class ClarityUpscalerItem(ClarityUpscalerParams, ItemOptions, total=False):
    """clarity-upscaler in a batch."""

    model: Required[Literal["clarity-upscaler"]]


class ClarityUpscalerEstimate(TypedDict, total=False):
    """Parameters: ClarityUpscalerEstimate."""

    image_url: str
    """The image to start from."""
    prompt: str
    """What the image shows; for an edit, what to change."""
    negative_prompt: str
    """What the image must not show."""
    seed: int
    """Makes the result reproducible; the same request and seed give the same image. Random if absent."""
    guidance_scale: float
    """How closely the image follows the prompt. Default: 4."""
    num_inference_steps: int
    """Number of denoising steps. More steps take longer. Default: 18."""
    creativity: float
    """How far the result may depart from its source. Default: 0.35."""
    resemblance: float
    """How closely the result keeps to its source. Default: 0.6."""
    upscale_factor: float
    """How many times as wide and high the result is. Default: 2."""
    enable_safety_checker: bool
    """Check the images for unsafe content. Flagged images are reported. Default: true."""


class TopazUpscaleParams(TypedDict, total=False):
    """Parameters: TopazUpscaleParams."""

    image_url: Required[str]
    """The image to start from."""
    strength: float
    """Strength of the enhancement; only of the model Text Refine."""
    upscale_factor: float
    """How many times as wide and high the result is. Default: 2."""
    crop_to_fill: bool
    """Crop the result to the whole area of its frame."""
    subject_detection: Literal["All", "Foreground", "Background"]
    """Which part of the image is improved. Default: "All"."""
    face_enhancement: bool
    """Improve faces. Default: true."""
    face_enhancement_creativity: float
    """How much new detail faces get. Default: 0."""
    face_enhancement_strength: float
    """How strongly faces are improved. Default: 0.8."""
    sharpen: float
    """How much the image is sharpened."""
    denoise: float
    """How much noise is removed."""
    fix_compression: float
    """How far the traces of compression are removed."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""


class TopazUpscaleCall(TopazUpscaleParams, Call, total=False):
    """A call of topaz-upscale."""


class TopazUpscaleItem(TopazUpscaleParams, ItemOptions, total=False):
    """topaz-upscale in a batch."""

    model: Required[Literal["topaz-upscale"]]


class TopazUpscaleEstimate(TypedDict, total=False):
    """Parameters: TopazUpscaleEstimate."""

    image_url: str
    """The image to start from."""
    strength: float
    """Strength of the enhancement; only of the model Text Refine."""
    upscale_factor: float
    """How many times as wide and high the result is. Default: 2."""
    crop_to_fill: bool
    """Crop the result to the whole area of its frame."""
    subject_detection: Literal["All", "Foreground", "Background"]
    """Which part of the image is improved. Default: "All"."""
    face_enhancement: bool
    """Improve faces. Default: true."""
    face_enhancement_creativity: float
    """How much new detail faces get. Default: 0."""
    face_enhancement_strength: float
    """How strongly faces are improved. Default: 0.8."""
    sharpen: float
    """How much the image is sharpened."""
    denoise: float
    """How much noise is removed."""
    fix_compression: float
    """How far the traces of compression are removed."""
    output_format: Literal["jpeg", "png"]
    """The file type of the image. Default: "jpeg"."""


class BriaBackgroundRemovalParams(TypedDict, total=False):
    """Parameters: BriaBackgroundRemovalParams."""

    image_url: Required[str]
    """The image to start from."""


class BriaBackgroundRemovalCall(BriaBackgroundRemovalParams, Call, total=False):
    """A call of bria-background-removal."""


class BriaBackgroundRemovalItem(BriaBackgroundRemovalParams, ItemOptions, total=False):
    """bria-background-removal in a batch."""

    model: Required[Literal["bria-background-removal"]]


class BriaBackgroundRemovalEstimate(TypedDict, total=False):
    """Parameters: BriaBackgroundRemovalEstimate."""

    image_url: str
    """The image to start from."""


BatchItem: TypeAlias = NanoBananaEditItem | FluxProItem | FluxDevItem | FluxLoraItem | FluxDevImageToImageItem | FaceSwapItem | FluxSchnellItem | FluxProUltraItem | FluxKontextProItem | FluxKontextMaxItem | Flux2ProItem | Flux2ProEditItem | Flux2FlexItem | Flux2FlexEditItem | Flux2LoraItem | Flux2KleinItem | Flux2KleinEditItem | Flux2KleinEditLoraItem | NanoBananaItem | NanoBanana1EditItem | NanoBanana2Item | NanoBanana2EditItem | NanoBananaProItem | GptImage1Item | GptImage1MiniItem | GptImage15Item | GptImage2Item | GptImage2EditItem | Seedream45Item | Seedream45EditItem | Seedream5LiteItem | Seedream5LiteEditItem | Seedream5ProEditItem | RecraftV3Item | RecraftV4Item | RecraftV4VectorItem | RecraftV4ProItem | IdeogramV3Item | IdeogramV4Item | IdeogramV4FastItem | IdeogramV4InstantItem | QwenImageItem | QwenImageAnglesItem | ZImageTurboItem | HidreamI1FastItem | GrokImagineItem | GrokImagineEditItem | GrokImagine2Item | GrokImagine2EditItem | ClarityUpscalerItem | TopazUpscaleItem | BriaBackgroundRemovalItem | AnyItem


_OPTIONS: Mapping[str, frozenset[str]] = {
    "nano-banana-edit": frozenset({"num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"}),
    "flux-pro": frozenset({"num_images", "image_size", "width", "height", "output_format", "safety_tolerance"}),
    "flux-dev": frozenset({"num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-lora": frozenset({"num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-dev-image-to-image": frozenset({"num_images", "output_format", "acceleration", "enable_safety_checker"}),
    "face-swap": frozenset(),
    "flux-schnell": frozenset({"num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-pro-ultra": frozenset({"num_images", "aspect_ratio", "raw", "output_format", "safety_tolerance"}),
    "flux-kontext-pro": frozenset({"num_images", "aspect_ratio", "output_format", "safety_tolerance"}),
    "flux-kontext-max": frozenset({"num_images", "aspect_ratio", "output_format", "safety_tolerance"}),
    "flux-2-pro": frozenset({"image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"}),
    "flux-2-pro-edit": frozenset({"image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"}),
    "flux-2-flex": frozenset({"image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"}),
    "flux-2-flex-edit": frozenset({"image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"}),
    "flux-2-lora": frozenset({"num_images", "image_size", "width", "height", "enable_prompt_expansion", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-2-klein": frozenset({"num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"}),
    "flux-2-klein-edit": frozenset({"num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"}),
    "flux-2-klein-edit-lora": frozenset({"num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"}),
    "nano-banana": frozenset({"num_images", "aspect_ratio", "output_format", "safety_tolerance"}),
    "nano-banana-1-edit": frozenset({"num_images", "aspect_ratio", "output_format", "safety_tolerance"}),
    "nano-banana-2": frozenset({"num_images", "aspect_ratio", "resolution", "thinking_level", "output_format", "safety_tolerance"}),
    "nano-banana-2-edit": frozenset({"num_images", "aspect_ratio", "resolution", "thinking_level", "output_format", "safety_tolerance"}),
    "nano-banana-pro": frozenset({"num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"}),
    "gpt-image-1": frozenset({"num_images", "image_size", "quality", "background", "output_format"}),
    "gpt-image-1-mini": frozenset({"num_images", "image_size", "quality", "background", "output_format"}),
    "gpt-image-1.5": frozenset({"num_images", "image_size", "quality", "background", "output_format"}),
    "gpt-image-2": frozenset({"num_images", "image_size", "width", "height", "quality", "output_format"}),
    "gpt-image-2-edit": frozenset({"num_images", "image_size", "width", "height", "quality", "background", "output_format"}),
    "seedream-4.5": frozenset({"num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"}),
    "seedream-4.5-edit": frozenset({"num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"}),
    "seedream-5-lite": frozenset({"num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"}),
    "seedream-5-lite-edit": frozenset({"num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"}),
    "seedream-5-pro-edit": frozenset({"num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"}),
    "recraft-v3": frozenset({"image_size", "width", "height", "colors", "style", "enable_safety_checker"}),
    "recraft-v4": frozenset({"image_size", "width", "height", "background_color", "colors", "enable_safety_checker"}),
    "recraft-v4-vector": frozenset({"image_size", "width", "height", "background_color", "colors", "enable_safety_checker"}),
    "recraft-v4-pro": frozenset({"image_size", "width", "height", "background_color", "colors", "enable_safety_checker"}),
    "ideogram-v3": frozenset({"num_images", "image_size", "width", "height", "rendering_speed", "expand_prompt", "style", "style_codes", "style_preset"}),
    "ideogram-v4": frozenset({"num_images", "image_size", "width", "height", "rendering_speed", "expansion_model", "output_format", "acceleration", "enable_safety_checker"}),
    "ideogram-v4-fast": frozenset({"num_images", "image_size", "width", "height", "rendering_speed", "expansion_model", "output_format", "enable_safety_checker"}),
    "ideogram-v4-instant": frozenset({"num_images", "image_size", "width", "height", "expansion_model", "output_format", "enable_safety_checker"}),
    "qwen-image": frozenset({"num_images", "image_size", "width", "height", "use_turbo", "output_format", "acceleration", "enable_safety_checker"}),
    "qwen-image-angles": frozenset({"num_images", "image_size", "width", "height", "horizontal_angle", "vertical_angle", "zoom", "output_format", "acceleration", "enable_safety_checker"}),
    "z-image-turbo": frozenset({"num_images", "image_size", "width", "height", "enable_prompt_expansion", "output_format", "acceleration", "enable_safety_checker"}),
    "hidream-i1-fast": frozenset({"num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"}),
    "grok-imagine": frozenset({"num_images", "aspect_ratio", "resolution", "output_format"}),
    "grok-imagine-edit": frozenset({"num_images", "aspect_ratio", "resolution", "output_format"}),
    "grok-imagine-2": frozenset({"num_images", "aspect_ratio", "resolution", "quality", "output_format"}),
    "grok-imagine-2-edit": frozenset({"num_images", "aspect_ratio", "resolution", "quality", "output_format"}),
    "clarity-upscaler": frozenset({"upscale_factor", "enable_safety_checker"}),
    "topaz-upscale": frozenset({"model", "upscale_factor", "crop_to_fill", "subject_detection", "face_enhancement", "face_enhancement_creativity", "face_enhancement_strength", "sharpen", "denoise", "fix_compression", "output_format"}),
    "bria-background-removal": frozenset(),
}


class Imagegen(BaseImagegen):
    """The client, with a signature for each model."""

    _model_options: ClassVar[Mapping[str, frozenset[str]]] = _OPTIONS

    @overload
    def run(self, model: Literal["nano-banana-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-pro"], /, *, timeout: float | None = None, **params: Unpack[FluxProCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-dev"], /, *, timeout: float | None = None, **params: Unpack[FluxDevCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-lora"], /, *, timeout: float | None = None, **params: Unpack[FluxLoraCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-dev-image-to-image"], /, *, timeout: float | None = None, **params: Unpack[FluxDevImageToImageCall]) -> Job: ...

    @overload
    def run(self, model: Literal["face-swap"], /, *, timeout: float | None = None, **params: Unpack[FaceSwapCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-schnell"], /, *, timeout: float | None = None, **params: Unpack[FluxSchnellCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-pro-ultra"], /, *, timeout: float | None = None, **params: Unpack[FluxProUltraCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-kontext-pro"], /, *, timeout: float | None = None, **params: Unpack[FluxKontextProCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-kontext-max"], /, *, timeout: float | None = None, **params: Unpack[FluxKontextMaxCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-pro"], /, *, timeout: float | None = None, **params: Unpack[Flux2ProCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-pro-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2ProEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-flex"], /, *, timeout: float | None = None, **params: Unpack[Flux2FlexCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-flex-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2FlexEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-lora"], /, *, timeout: float | None = None, **params: Unpack[Flux2LoraCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-klein"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-klein-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["flux-2-klein-edit-lora"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinEditLoraCall]) -> Job: ...

    @overload
    def run(self, model: Literal["nano-banana"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaCall]) -> Job: ...

    @overload
    def run(self, model: Literal["nano-banana-1-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana1EditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["nano-banana-2"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana2Call]) -> Job: ...

    @overload
    def run(self, model: Literal["nano-banana-2-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana2EditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["nano-banana-pro"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaProCall]) -> Job: ...

    @overload
    def run(self, model: Literal["gpt-image-1"], /, *, timeout: float | None = None, **params: Unpack[GptImage1Call]) -> Job: ...

    @overload
    def run(self, model: Literal["gpt-image-1-mini"], /, *, timeout: float | None = None, **params: Unpack[GptImage1MiniCall]) -> Job: ...

    @overload
    def run(self, model: Literal["gpt-image-1.5"], /, *, timeout: float | None = None, **params: Unpack[GptImage15Call]) -> Job: ...

    @overload
    def run(self, model: Literal["gpt-image-2"], /, *, timeout: float | None = None, **params: Unpack[GptImage2Call]) -> Job: ...

    @overload
    def run(self, model: Literal["gpt-image-2-edit"], /, *, timeout: float | None = None, **params: Unpack[GptImage2EditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["seedream-4.5"], /, *, timeout: float | None = None, **params: Unpack[Seedream45Call]) -> Job: ...

    @overload
    def run(self, model: Literal["seedream-4.5-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream45EditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["seedream-5-lite"], /, *, timeout: float | None = None, **params: Unpack[Seedream5LiteCall]) -> Job: ...

    @overload
    def run(self, model: Literal["seedream-5-lite-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream5LiteEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["seedream-5-pro-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream5ProEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["recraft-v3"], /, *, timeout: float | None = None, **params: Unpack[RecraftV3Call]) -> Job: ...

    @overload
    def run(self, model: Literal["recraft-v4"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4Call]) -> Job: ...

    @overload
    def run(self, model: Literal["recraft-v4-vector"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4VectorCall]) -> Job: ...

    @overload
    def run(self, model: Literal["recraft-v4-pro"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4ProCall]) -> Job: ...

    @overload
    def run(self, model: Literal["ideogram-v3"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV3Call]) -> Job: ...

    @overload
    def run(self, model: Literal["ideogram-v4"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4Call]) -> Job: ...

    @overload
    def run(self, model: Literal["ideogram-v4-fast"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4FastCall]) -> Job: ...

    @overload
    def run(self, model: Literal["ideogram-v4-instant"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4InstantCall]) -> Job: ...

    @overload
    def run(self, model: Literal["qwen-image"], /, *, timeout: float | None = None, **params: Unpack[QwenImageCall]) -> Job: ...

    @overload
    def run(self, model: Literal["qwen-image-angles"], /, *, timeout: float | None = None, **params: Unpack[QwenImageAnglesCall]) -> Job: ...

    @overload
    def run(self, model: Literal["z-image-turbo"], /, *, timeout: float | None = None, **params: Unpack[ZImageTurboCall]) -> Job: ...

    @overload
    def run(self, model: Literal["hidream-i1-fast"], /, *, timeout: float | None = None, **params: Unpack[HidreamI1FastCall]) -> Job: ...

    @overload
    def run(self, model: Literal["grok-imagine"], /, *, timeout: float | None = None, **params: Unpack[GrokImagineCall]) -> Job: ...

    @overload
    def run(self, model: Literal["grok-imagine-edit"], /, *, timeout: float | None = None, **params: Unpack[GrokImagineEditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["grok-imagine-2"], /, *, timeout: float | None = None, **params: Unpack[GrokImagine2Call]) -> Job: ...

    @overload
    def run(self, model: Literal["grok-imagine-2-edit"], /, *, timeout: float | None = None, **params: Unpack[GrokImagine2EditCall]) -> Job: ...

    @overload
    def run(self, model: Literal["clarity-upscaler"], /, *, timeout: float | None = None, **params: Unpack[ClarityUpscalerCall]) -> Job: ...

    @overload
    def run(self, model: Literal["topaz-upscale"], /, *, timeout: float | None = None, **params: Unpack[TopazUpscaleCall]) -> Job: ...

    @overload
    def run(self, model: Literal["bria-background-removal"], /, *, timeout: float | None = None, **params: Unpack[BriaBackgroundRemovalCall]) -> Job: ...

    @overload
    def run(self, model: str, /, *, timeout: float | None = None, **params: Unpack[AnyCall]) -> Job: ...

    def run(self, model: str, /, *, timeout: float | None = None, **params: Any) -> Job:
        """The completed job.

        Raises:
            JobFailed: it ended without images.
        """
        return self._run(model, params, timeout, None)

    @overload
    def submit(self, model: Literal["nano-banana-edit"], /, **params: Unpack[NanoBananaEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-pro"], /, **params: Unpack[FluxProCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-dev"], /, **params: Unpack[FluxDevCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-lora"], /, **params: Unpack[FluxLoraCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-dev-image-to-image"], /, **params: Unpack[FluxDevImageToImageCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["face-swap"], /, **params: Unpack[FaceSwapCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-schnell"], /, **params: Unpack[FluxSchnellCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-pro-ultra"], /, **params: Unpack[FluxProUltraCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-kontext-pro"], /, **params: Unpack[FluxKontextProCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-kontext-max"], /, **params: Unpack[FluxKontextMaxCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-pro"], /, **params: Unpack[Flux2ProCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-pro-edit"], /, **params: Unpack[Flux2ProEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-flex"], /, **params: Unpack[Flux2FlexCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-flex-edit"], /, **params: Unpack[Flux2FlexEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-lora"], /, **params: Unpack[Flux2LoraCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-klein"], /, **params: Unpack[Flux2KleinCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-klein-edit"], /, **params: Unpack[Flux2KleinEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["flux-2-klein-edit-lora"], /, **params: Unpack[Flux2KleinEditLoraCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["nano-banana"], /, **params: Unpack[NanoBananaCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["nano-banana-1-edit"], /, **params: Unpack[NanoBanana1EditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["nano-banana-2"], /, **params: Unpack[NanoBanana2Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["nano-banana-2-edit"], /, **params: Unpack[NanoBanana2EditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["nano-banana-pro"], /, **params: Unpack[NanoBananaProCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["gpt-image-1"], /, **params: Unpack[GptImage1Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["gpt-image-1-mini"], /, **params: Unpack[GptImage1MiniCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["gpt-image-1.5"], /, **params: Unpack[GptImage15Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["gpt-image-2"], /, **params: Unpack[GptImage2Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["gpt-image-2-edit"], /, **params: Unpack[GptImage2EditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["seedream-4.5"], /, **params: Unpack[Seedream45Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["seedream-4.5-edit"], /, **params: Unpack[Seedream45EditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["seedream-5-lite"], /, **params: Unpack[Seedream5LiteCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["seedream-5-lite-edit"], /, **params: Unpack[Seedream5LiteEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["seedream-5-pro-edit"], /, **params: Unpack[Seedream5ProEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["recraft-v3"], /, **params: Unpack[RecraftV3Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["recraft-v4"], /, **params: Unpack[RecraftV4Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["recraft-v4-vector"], /, **params: Unpack[RecraftV4VectorCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["recraft-v4-pro"], /, **params: Unpack[RecraftV4ProCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["ideogram-v3"], /, **params: Unpack[IdeogramV3Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["ideogram-v4"], /, **params: Unpack[IdeogramV4Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["ideogram-v4-fast"], /, **params: Unpack[IdeogramV4FastCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["ideogram-v4-instant"], /, **params: Unpack[IdeogramV4InstantCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["qwen-image"], /, **params: Unpack[QwenImageCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["qwen-image-angles"], /, **params: Unpack[QwenImageAnglesCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["z-image-turbo"], /, **params: Unpack[ZImageTurboCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["hidream-i1-fast"], /, **params: Unpack[HidreamI1FastCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["grok-imagine"], /, **params: Unpack[GrokImagineCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["grok-imagine-edit"], /, **params: Unpack[GrokImagineEditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["grok-imagine-2"], /, **params: Unpack[GrokImagine2Call]) -> Job: ...

    @overload
    def submit(self, model: Literal["grok-imagine-2-edit"], /, **params: Unpack[GrokImagine2EditCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["clarity-upscaler"], /, **params: Unpack[ClarityUpscalerCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["topaz-upscale"], /, **params: Unpack[TopazUpscaleCall]) -> Job: ...

    @overload
    def submit(self, model: Literal["bria-background-removal"], /, **params: Unpack[BriaBackgroundRemovalCall]) -> Job: ...

    @overload
    def submit(self, model: str, /, **params: Unpack[AnyCall]) -> Job: ...

    def submit(self, model: str, /, **params: Any) -> Job:
        """The accepted job, without waiting for it."""
        return self._submit(model, params)

    @overload
    def subscribe(self, model: Literal["nano-banana-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxProCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-dev"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxDevCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxLoraCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-dev-image-to-image"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxDevImageToImageCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["face-swap"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FaceSwapCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-schnell"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxSchnellCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-pro-ultra"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxProUltraCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-kontext-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxKontextProCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-kontext-max"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxKontextMaxCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2ProCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-pro-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2ProEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-flex"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2FlexCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-flex-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2FlexEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2LoraCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-klein"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-klein-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["flux-2-klein-edit-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinEditLoraCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["nano-banana"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["nano-banana-1-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana1EditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["nano-banana-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana2Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["nano-banana-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana2EditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["nano-banana-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaProCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["gpt-image-1"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage1Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["gpt-image-1-mini"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage1MiniCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["gpt-image-1.5"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage15Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["gpt-image-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage2Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["gpt-image-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage2EditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["seedream-4.5"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream45Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["seedream-4.5-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream45EditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["seedream-5-lite"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5LiteCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["seedream-5-lite-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5LiteEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["seedream-5-pro-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5ProEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["recraft-v3"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV3Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["recraft-v4"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["recraft-v4-vector"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4VectorCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["recraft-v4-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4ProCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["ideogram-v3"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV3Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["ideogram-v4"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["ideogram-v4-fast"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4FastCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["ideogram-v4-instant"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4InstantCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["qwen-image"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[QwenImageCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["qwen-image-angles"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[QwenImageAnglesCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["z-image-turbo"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[ZImageTurboCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["hidream-i1-fast"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[HidreamI1FastCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["grok-imagine"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagineCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["grok-imagine-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagineEditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["grok-imagine-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagine2Call]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["grok-imagine-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagine2EditCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["clarity-upscaler"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[ClarityUpscalerCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["topaz-upscale"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[TopazUpscaleCall]) -> Job: ...

    @overload
    def subscribe(self, model: Literal["bria-background-removal"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[BriaBackgroundRemovalCall]) -> Job: ...

    @overload
    def subscribe(self, model: str, /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[AnyCall]) -> Job: ...

    def subscribe(self, model: str, /, *, on_event: _Progress, timeout: float | None = None, **params: Any) -> Job:
        """As `run`, with each of the job's events on the way."""
        return self._run(model, params, timeout, on_event)

    @overload
    def estimate(self, model: Literal["nano-banana-edit"], /, **params: Unpack[NanoBananaEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-pro"], /, **params: Unpack[FluxProEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-dev"], /, **params: Unpack[FluxDevEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-lora"], /, **params: Unpack[FluxLoraEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-dev-image-to-image"], /, **params: Unpack[FluxDevImageToImageEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["face-swap"], /, **params: Unpack[FaceSwapEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-schnell"], /, **params: Unpack[FluxSchnellEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-pro-ultra"], /, **params: Unpack[FluxProUltraEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-kontext-pro"], /, **params: Unpack[FluxKontextProEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-kontext-max"], /, **params: Unpack[FluxKontextMaxEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-pro"], /, **params: Unpack[Flux2ProEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-pro-edit"], /, **params: Unpack[Flux2ProEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-flex"], /, **params: Unpack[Flux2FlexEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-flex-edit"], /, **params: Unpack[Flux2FlexEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-lora"], /, **params: Unpack[Flux2LoraEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-klein"], /, **params: Unpack[Flux2KleinEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-klein-edit"], /, **params: Unpack[Flux2KleinEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["flux-2-klein-edit-lora"], /, **params: Unpack[Flux2KleinEditLoraEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["nano-banana"], /, **params: Unpack[NanoBananaEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["nano-banana-1-edit"], /, **params: Unpack[NanoBanana1EditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["nano-banana-2"], /, **params: Unpack[NanoBanana2Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["nano-banana-2-edit"], /, **params: Unpack[NanoBanana2EditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["nano-banana-pro"], /, **params: Unpack[NanoBananaProEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["gpt-image-1"], /, **params: Unpack[GptImage1Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["gpt-image-1-mini"], /, **params: Unpack[GptImage1MiniEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["gpt-image-1.5"], /, **params: Unpack[GptImage15Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["gpt-image-2"], /, **params: Unpack[GptImage2Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["gpt-image-2-edit"], /, **params: Unpack[GptImage2EditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["seedream-4.5"], /, **params: Unpack[Seedream45Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["seedream-4.5-edit"], /, **params: Unpack[Seedream45EditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["seedream-5-lite"], /, **params: Unpack[Seedream5LiteEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["seedream-5-lite-edit"], /, **params: Unpack[Seedream5LiteEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["seedream-5-pro-edit"], /, **params: Unpack[Seedream5ProEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["recraft-v3"], /, **params: Unpack[RecraftV3Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["recraft-v4"], /, **params: Unpack[RecraftV4Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["recraft-v4-vector"], /, **params: Unpack[RecraftV4VectorEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["recraft-v4-pro"], /, **params: Unpack[RecraftV4ProEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["ideogram-v3"], /, **params: Unpack[IdeogramV3Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["ideogram-v4"], /, **params: Unpack[IdeogramV4Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["ideogram-v4-fast"], /, **params: Unpack[IdeogramV4FastEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["ideogram-v4-instant"], /, **params: Unpack[IdeogramV4InstantEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["qwen-image"], /, **params: Unpack[QwenImageEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["qwen-image-angles"], /, **params: Unpack[QwenImageAnglesEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["z-image-turbo"], /, **params: Unpack[ZImageTurboEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["hidream-i1-fast"], /, **params: Unpack[HidreamI1FastEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["grok-imagine"], /, **params: Unpack[GrokImagineEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["grok-imagine-edit"], /, **params: Unpack[GrokImagineEditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["grok-imagine-2"], /, **params: Unpack[GrokImagine2Estimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["grok-imagine-2-edit"], /, **params: Unpack[GrokImagine2EditEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["clarity-upscaler"], /, **params: Unpack[ClarityUpscalerEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["topaz-upscale"], /, **params: Unpack[TopazUpscaleEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: Literal["bria-background-removal"], /, **params: Unpack[BriaBackgroundRemovalEstimate]) -> Estimate: ...

    @overload
    def estimate(self, model: str, /, **params: Unpack[AnyEstimate]) -> Estimate: ...

    def estimate(self, model: str, /, **params: Any) -> Estimate:
        """What a call would be charged. Free; nothing is generated."""
        return self._estimate(model, params)

    def batch(
        self, requests: Iterable[BatchItem], /, *, user: str | None = None, idempotency_key: str | None = None, partial: bool = False
    ) -> Batch:
        """Up to 1,000 requests at once; they are checked together, and none is waited for.

        If budgets have no room for all of them, none is accepted; with `partial`, as many of the first as
        fit, and `refused` of the batch has the others.

        Raises:
            BudgetExceeded: nothing was accepted.
        """
        return self._batch(requests, user, idempotency_key, partial=partial)


class AsyncImagegen(AsyncBaseImagegen):
    """The asynchronous client, with a signature for each model."""

    _model_options: ClassVar[Mapping[str, frozenset[str]]] = _OPTIONS

    @overload
    async def run(self, model: Literal["nano-banana-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-pro"], /, *, timeout: float | None = None, **params: Unpack[FluxProCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-dev"], /, *, timeout: float | None = None, **params: Unpack[FluxDevCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-lora"], /, *, timeout: float | None = None, **params: Unpack[FluxLoraCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-dev-image-to-image"], /, *, timeout: float | None = None, **params: Unpack[FluxDevImageToImageCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["face-swap"], /, *, timeout: float | None = None, **params: Unpack[FaceSwapCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-schnell"], /, *, timeout: float | None = None, **params: Unpack[FluxSchnellCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-pro-ultra"], /, *, timeout: float | None = None, **params: Unpack[FluxProUltraCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-kontext-pro"], /, *, timeout: float | None = None, **params: Unpack[FluxKontextProCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-kontext-max"], /, *, timeout: float | None = None, **params: Unpack[FluxKontextMaxCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-pro"], /, *, timeout: float | None = None, **params: Unpack[Flux2ProCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-pro-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2ProEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-flex"], /, *, timeout: float | None = None, **params: Unpack[Flux2FlexCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-flex-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2FlexEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-lora"], /, *, timeout: float | None = None, **params: Unpack[Flux2LoraCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-klein"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-klein-edit"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["flux-2-klein-edit-lora"], /, *, timeout: float | None = None, **params: Unpack[Flux2KleinEditLoraCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["nano-banana"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["nano-banana-1-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana1EditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["nano-banana-2"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana2Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["nano-banana-2-edit"], /, *, timeout: float | None = None, **params: Unpack[NanoBanana2EditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["nano-banana-pro"], /, *, timeout: float | None = None, **params: Unpack[NanoBananaProCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["gpt-image-1"], /, *, timeout: float | None = None, **params: Unpack[GptImage1Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["gpt-image-1-mini"], /, *, timeout: float | None = None, **params: Unpack[GptImage1MiniCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["gpt-image-1.5"], /, *, timeout: float | None = None, **params: Unpack[GptImage15Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["gpt-image-2"], /, *, timeout: float | None = None, **params: Unpack[GptImage2Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["gpt-image-2-edit"], /, *, timeout: float | None = None, **params: Unpack[GptImage2EditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["seedream-4.5"], /, *, timeout: float | None = None, **params: Unpack[Seedream45Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["seedream-4.5-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream45EditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["seedream-5-lite"], /, *, timeout: float | None = None, **params: Unpack[Seedream5LiteCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["seedream-5-lite-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream5LiteEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["seedream-5-pro-edit"], /, *, timeout: float | None = None, **params: Unpack[Seedream5ProEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["recraft-v3"], /, *, timeout: float | None = None, **params: Unpack[RecraftV3Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["recraft-v4"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["recraft-v4-vector"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4VectorCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["recraft-v4-pro"], /, *, timeout: float | None = None, **params: Unpack[RecraftV4ProCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["ideogram-v3"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV3Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["ideogram-v4"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["ideogram-v4-fast"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4FastCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["ideogram-v4-instant"], /, *, timeout: float | None = None, **params: Unpack[IdeogramV4InstantCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["qwen-image"], /, *, timeout: float | None = None, **params: Unpack[QwenImageCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["qwen-image-angles"], /, *, timeout: float | None = None, **params: Unpack[QwenImageAnglesCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["z-image-turbo"], /, *, timeout: float | None = None, **params: Unpack[ZImageTurboCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["hidream-i1-fast"], /, *, timeout: float | None = None, **params: Unpack[HidreamI1FastCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["grok-imagine"], /, *, timeout: float | None = None, **params: Unpack[GrokImagineCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["grok-imagine-edit"], /, *, timeout: float | None = None, **params: Unpack[GrokImagineEditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["grok-imagine-2"], /, *, timeout: float | None = None, **params: Unpack[GrokImagine2Call]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["grok-imagine-2-edit"], /, *, timeout: float | None = None, **params: Unpack[GrokImagine2EditCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["clarity-upscaler"], /, *, timeout: float | None = None, **params: Unpack[ClarityUpscalerCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["topaz-upscale"], /, *, timeout: float | None = None, **params: Unpack[TopazUpscaleCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: Literal["bria-background-removal"], /, *, timeout: float | None = None, **params: Unpack[BriaBackgroundRemovalCall]) -> AsyncJob: ...

    @overload
    async def run(self, model: str, /, *, timeout: float | None = None, **params: Unpack[AnyCall]) -> AsyncJob: ...

    async def run(self, model: str, /, *, timeout: float | None = None, **params: Any) -> AsyncJob:
        """The completed job.

        Raises:
            JobFailed: it ended without images.
        """
        return await self._run(model, params, timeout, None)

    @overload
    async def submit(self, model: Literal["nano-banana-edit"], /, **params: Unpack[NanoBananaEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-pro"], /, **params: Unpack[FluxProCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-dev"], /, **params: Unpack[FluxDevCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-lora"], /, **params: Unpack[FluxLoraCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-dev-image-to-image"], /, **params: Unpack[FluxDevImageToImageCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["face-swap"], /, **params: Unpack[FaceSwapCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-schnell"], /, **params: Unpack[FluxSchnellCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-pro-ultra"], /, **params: Unpack[FluxProUltraCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-kontext-pro"], /, **params: Unpack[FluxKontextProCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-kontext-max"], /, **params: Unpack[FluxKontextMaxCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-pro"], /, **params: Unpack[Flux2ProCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-pro-edit"], /, **params: Unpack[Flux2ProEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-flex"], /, **params: Unpack[Flux2FlexCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-flex-edit"], /, **params: Unpack[Flux2FlexEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-lora"], /, **params: Unpack[Flux2LoraCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-klein"], /, **params: Unpack[Flux2KleinCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-klein-edit"], /, **params: Unpack[Flux2KleinEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["flux-2-klein-edit-lora"], /, **params: Unpack[Flux2KleinEditLoraCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["nano-banana"], /, **params: Unpack[NanoBananaCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["nano-banana-1-edit"], /, **params: Unpack[NanoBanana1EditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["nano-banana-2"], /, **params: Unpack[NanoBanana2Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["nano-banana-2-edit"], /, **params: Unpack[NanoBanana2EditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["nano-banana-pro"], /, **params: Unpack[NanoBananaProCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["gpt-image-1"], /, **params: Unpack[GptImage1Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["gpt-image-1-mini"], /, **params: Unpack[GptImage1MiniCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["gpt-image-1.5"], /, **params: Unpack[GptImage15Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["gpt-image-2"], /, **params: Unpack[GptImage2Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["gpt-image-2-edit"], /, **params: Unpack[GptImage2EditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["seedream-4.5"], /, **params: Unpack[Seedream45Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["seedream-4.5-edit"], /, **params: Unpack[Seedream45EditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["seedream-5-lite"], /, **params: Unpack[Seedream5LiteCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["seedream-5-lite-edit"], /, **params: Unpack[Seedream5LiteEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["seedream-5-pro-edit"], /, **params: Unpack[Seedream5ProEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["recraft-v3"], /, **params: Unpack[RecraftV3Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["recraft-v4"], /, **params: Unpack[RecraftV4Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["recraft-v4-vector"], /, **params: Unpack[RecraftV4VectorCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["recraft-v4-pro"], /, **params: Unpack[RecraftV4ProCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["ideogram-v3"], /, **params: Unpack[IdeogramV3Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["ideogram-v4"], /, **params: Unpack[IdeogramV4Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["ideogram-v4-fast"], /, **params: Unpack[IdeogramV4FastCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["ideogram-v4-instant"], /, **params: Unpack[IdeogramV4InstantCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["qwen-image"], /, **params: Unpack[QwenImageCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["qwen-image-angles"], /, **params: Unpack[QwenImageAnglesCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["z-image-turbo"], /, **params: Unpack[ZImageTurboCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["hidream-i1-fast"], /, **params: Unpack[HidreamI1FastCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["grok-imagine"], /, **params: Unpack[GrokImagineCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["grok-imagine-edit"], /, **params: Unpack[GrokImagineEditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["grok-imagine-2"], /, **params: Unpack[GrokImagine2Call]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["grok-imagine-2-edit"], /, **params: Unpack[GrokImagine2EditCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["clarity-upscaler"], /, **params: Unpack[ClarityUpscalerCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["topaz-upscale"], /, **params: Unpack[TopazUpscaleCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: Literal["bria-background-removal"], /, **params: Unpack[BriaBackgroundRemovalCall]) -> AsyncJob: ...

    @overload
    async def submit(self, model: str, /, **params: Unpack[AnyCall]) -> AsyncJob: ...

    async def submit(self, model: str, /, **params: Any) -> AsyncJob:
        """The accepted job, without waiting for it."""
        return await self._submit(model, params)

    @overload
    async def subscribe(self, model: Literal["nano-banana-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxProCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-dev"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxDevCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxLoraCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-dev-image-to-image"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxDevImageToImageCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["face-swap"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FaceSwapCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-schnell"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxSchnellCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-pro-ultra"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxProUltraCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-kontext-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxKontextProCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-kontext-max"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[FluxKontextMaxCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2ProCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-pro-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2ProEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-flex"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2FlexCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-flex-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2FlexEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2LoraCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-klein"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-klein-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["flux-2-klein-edit-lora"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Flux2KleinEditLoraCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["nano-banana"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["nano-banana-1-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana1EditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["nano-banana-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana2Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["nano-banana-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBanana2EditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["nano-banana-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[NanoBananaProCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["gpt-image-1"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage1Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["gpt-image-1-mini"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage1MiniCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["gpt-image-1.5"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage15Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["gpt-image-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage2Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["gpt-image-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GptImage2EditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["seedream-4.5"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream45Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["seedream-4.5-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream45EditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["seedream-5-lite"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5LiteCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["seedream-5-lite-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5LiteEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["seedream-5-pro-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[Seedream5ProEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["recraft-v3"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV3Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["recraft-v4"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["recraft-v4-vector"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4VectorCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["recraft-v4-pro"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[RecraftV4ProCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["ideogram-v3"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV3Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["ideogram-v4"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["ideogram-v4-fast"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4FastCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["ideogram-v4-instant"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[IdeogramV4InstantCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["qwen-image"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[QwenImageCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["qwen-image-angles"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[QwenImageAnglesCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["z-image-turbo"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[ZImageTurboCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["hidream-i1-fast"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[HidreamI1FastCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["grok-imagine"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagineCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["grok-imagine-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagineEditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["grok-imagine-2"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagine2Call]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["grok-imagine-2-edit"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[GrokImagine2EditCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["clarity-upscaler"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[ClarityUpscalerCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["topaz-upscale"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[TopazUpscaleCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: Literal["bria-background-removal"], /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[BriaBackgroundRemovalCall]) -> AsyncJob: ...

    @overload
    async def subscribe(self, model: str, /, *, on_event: _Progress, timeout: float | None = None, **params: Unpack[AnyCall]) -> AsyncJob: ...

    async def subscribe(self, model: str, /, *, on_event: _Progress, timeout: float | None = None, **params: Any) -> AsyncJob:
        """As `run`, with each of the job's events on the way."""
        return await self._run(model, params, timeout, on_event)

    @overload
    async def estimate(self, model: Literal["nano-banana-edit"], /, **params: Unpack[NanoBananaEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-pro"], /, **params: Unpack[FluxProEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-dev"], /, **params: Unpack[FluxDevEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-lora"], /, **params: Unpack[FluxLoraEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-dev-image-to-image"], /, **params: Unpack[FluxDevImageToImageEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["face-swap"], /, **params: Unpack[FaceSwapEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-schnell"], /, **params: Unpack[FluxSchnellEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-pro-ultra"], /, **params: Unpack[FluxProUltraEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-kontext-pro"], /, **params: Unpack[FluxKontextProEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-kontext-max"], /, **params: Unpack[FluxKontextMaxEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-pro"], /, **params: Unpack[Flux2ProEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-pro-edit"], /, **params: Unpack[Flux2ProEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-flex"], /, **params: Unpack[Flux2FlexEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-flex-edit"], /, **params: Unpack[Flux2FlexEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-lora"], /, **params: Unpack[Flux2LoraEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-klein"], /, **params: Unpack[Flux2KleinEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-klein-edit"], /, **params: Unpack[Flux2KleinEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["flux-2-klein-edit-lora"], /, **params: Unpack[Flux2KleinEditLoraEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["nano-banana"], /, **params: Unpack[NanoBananaEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["nano-banana-1-edit"], /, **params: Unpack[NanoBanana1EditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["nano-banana-2"], /, **params: Unpack[NanoBanana2Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["nano-banana-2-edit"], /, **params: Unpack[NanoBanana2EditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["nano-banana-pro"], /, **params: Unpack[NanoBananaProEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["gpt-image-1"], /, **params: Unpack[GptImage1Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["gpt-image-1-mini"], /, **params: Unpack[GptImage1MiniEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["gpt-image-1.5"], /, **params: Unpack[GptImage15Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["gpt-image-2"], /, **params: Unpack[GptImage2Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["gpt-image-2-edit"], /, **params: Unpack[GptImage2EditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["seedream-4.5"], /, **params: Unpack[Seedream45Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["seedream-4.5-edit"], /, **params: Unpack[Seedream45EditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["seedream-5-lite"], /, **params: Unpack[Seedream5LiteEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["seedream-5-lite-edit"], /, **params: Unpack[Seedream5LiteEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["seedream-5-pro-edit"], /, **params: Unpack[Seedream5ProEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["recraft-v3"], /, **params: Unpack[RecraftV3Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["recraft-v4"], /, **params: Unpack[RecraftV4Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["recraft-v4-vector"], /, **params: Unpack[RecraftV4VectorEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["recraft-v4-pro"], /, **params: Unpack[RecraftV4ProEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["ideogram-v3"], /, **params: Unpack[IdeogramV3Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["ideogram-v4"], /, **params: Unpack[IdeogramV4Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["ideogram-v4-fast"], /, **params: Unpack[IdeogramV4FastEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["ideogram-v4-instant"], /, **params: Unpack[IdeogramV4InstantEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["qwen-image"], /, **params: Unpack[QwenImageEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["qwen-image-angles"], /, **params: Unpack[QwenImageAnglesEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["z-image-turbo"], /, **params: Unpack[ZImageTurboEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["hidream-i1-fast"], /, **params: Unpack[HidreamI1FastEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["grok-imagine"], /, **params: Unpack[GrokImagineEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["grok-imagine-edit"], /, **params: Unpack[GrokImagineEditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["grok-imagine-2"], /, **params: Unpack[GrokImagine2Estimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["grok-imagine-2-edit"], /, **params: Unpack[GrokImagine2EditEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["clarity-upscaler"], /, **params: Unpack[ClarityUpscalerEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["topaz-upscale"], /, **params: Unpack[TopazUpscaleEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: Literal["bria-background-removal"], /, **params: Unpack[BriaBackgroundRemovalEstimate]) -> Estimate: ...

    @overload
    async def estimate(self, model: str, /, **params: Unpack[AnyEstimate]) -> Estimate: ...

    async def estimate(self, model: str, /, **params: Any) -> Estimate:
        """What a call would be charged. Free; nothing is generated."""
        return await self._estimate(model, params)

    async def batch(
        self, requests: Iterable[BatchItem], /, *, user: str | None = None, idempotency_key: str | None = None, partial: bool = False
    ) -> AsyncBatch:
        """Up to 1,000 requests at once; they are checked together, and none is waited for.

        If budgets have no room for all of them, none is accepted; with `partial`, as many of the first as
        fit, and `refused` of the batch has the others.

        Raises:
            BudgetExceeded: nothing was accepted.
        """
        return await self._batch(requests, user, idempotency_key, partial=partial)
