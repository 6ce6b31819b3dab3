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


BatchItem: TypeAlias = NanoBananaEditItem | FluxProItem | FluxDevItem | FluxLoraItem | FluxDevImageToImageItem | FaceSwapItem | AnyItem


_OPTIONS: Mapping[str, frozenset[str]] = {
    "nano-banana-edit": frozenset({"num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"}),
    "flux-pro": frozenset({"num_images", "image_size", "width", "height", "output_format", "safety_tolerance"}),
    "flux-dev": frozenset({"num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-lora": frozenset({"num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"}),
    "flux-dev-image-to-image": frozenset({"num_images", "output_format", "acceleration", "enable_safety_checker"}),
    "face-swap": frozenset(),
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
