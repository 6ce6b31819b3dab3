/** The models of one catalog. Made by `imagegen client types`; do not edit. */

export interface ImageSize {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
}

export interface LoraWeight {
  /** URL or Hugging Face name of a safetensors file. fal.ai fetches it, not this service. */
  path: string;
  /** Weight of the LoRA. Default: 1. */
  scale?: number;
}

export interface RecraftV3OptionsColors {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4OptionsBackgroundColor {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4OptionsColors {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4VectorOptionsBackgroundColor {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4VectorOptionsColors {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4ProOptionsBackgroundColor {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface RecraftV4ProOptionsColors {
  /** Red. */
  r: number;
  /** Green. */
  g: number;
  /** Blue. */
  b: number;
}

export interface NanoBananaEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** An instruction to the underlying model, placed before the prompt. Default: "". */
  system_prompt?: string;
  /** Use a web search for the image. Default: false. */
  enable_web_search?: boolean;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16";
  /** The size of the image as a tier. Default: "1K". */
  resolution?: "1K" | "2K" | "4K";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface FluxProParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Let fal.ai rewrite the prompt first. Default: false. */
  enhance_prompt?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface FluxDevParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** LoRA weights, merged into the base model. */
  loras?: LoraWeight[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface FluxLoraParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** LoRA weights, merged into the base model. */
  loras?: LoraWeight[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "regular";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface FluxDevImageToImageParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The image to start from. */
  image_url: string;
  /** How far the result may differ from the source image; 1 ignores the source. Default: 0.95. */
  strength?: number;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 40. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface FaceSwapParams {
  /** The image whose face is replaced. */
  base_image_url: string;
  /** The image that supplies the face. */
  swap_image_url: string;
}

export interface FluxSchnellParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 4. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface FluxProUltraParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The image to start from. */
  image_url?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Let fal.ai rewrite the prompt first. Default: false. */
  enhance_prompt?: boolean;
  /** How much the image prompt counts beside the text. Default: 0.1. */
  image_prompt_strength?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "16:9". */
  aspect_ratio?: "21:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:21";
  /** Make a less processed, more natural image. */
  raw?: boolean;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface FluxKontextProParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The image to start from. */
  image_url: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Let fal.ai rewrite the prompt first. Default: false. */
  enhance_prompt?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. */
  aspect_ratio?: "21:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:21";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface FluxKontextMaxParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The image to start from. */
  image_url: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Let fal.ai rewrite the prompt first. Default: false. */
  enhance_prompt?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. */
  aspect_ratio?: "21:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:21";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface Flux2ProParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5";
}

export interface Flux2ProEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5";
}

export interface Flux2FlexParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5";
}

export interface Flux2FlexEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 3.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "2". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5";
}

export interface Flux2LoraParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** LoRA weights, merged into the base model. */
  loras?: LoraWeight[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 2.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Let fal.ai add detail to the prompt first. */
  enable_prompt_expansion?: boolean;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** Trades quality for speed. Default: "regular". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Flux2KleinParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of denoising steps. More steps take longer. Default: 8. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Flux2KleinEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of denoising steps. More steps take longer. Default: 4. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Flux2KleinEditLoraParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** LoRA weights, merged into the base model. */
  loras?: LoraWeight[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of denoising steps. More steps take longer. Default: 4. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface NanoBananaParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "1:1". */
  aspect_ratio?: "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface NanoBanana1EditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface NanoBanana2Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Use a web search for the image. Default: false. */
  enable_web_search?: boolean;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16" | "4:1" | "1:4" | "8:1" | "1:8";
  /** The size of the image as a tier. Default: "1K". */
  resolution?: "0.5K" | "1K" | "2K" | "4K";
  /** How much the model plans before it draws. */
  thinking_level?: "minimal" | "high";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface NanoBanana2EditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Use a web search for the image. Default: false. */
  enable_web_search?: boolean;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16" | "4:1" | "1:4" | "8:1" | "1:8";
  /** The size of the image as a tier. Default: "1K". */
  resolution?: "0.5K" | "1K" | "2K" | "4K";
  /** How much the model plans before it draws. */
  thinking_level?: "minimal" | "high";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface NanoBananaProParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Use a web search for the image. Default: false. */
  enable_web_search?: boolean;
  /** Make one image per prompt round, and ignore image counts written in the prompt. Default: true. */
  limit_generations?: boolean;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "1:1". */
  aspect_ratio?: "auto" | "21:9" | "16:9" | "3:2" | "4:3" | "5:4" | "1:1" | "4:5" | "3:4" | "2:3" | "9:16";
  /** The size of the image as a tier. Default: "1K". */
  resolution?: "1K" | "2K" | "4K";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** How tolerant the moderation is, as text. "1" is the strictest. Default: "4". */
  safety_tolerance?: "1" | "2" | "3" | "4" | "5" | "6";
}

export interface GptImage1Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The size of the image, by its name. Default: "1024x1024". */
  image_size?: "1024x1024" | "1536x1024" | "1024x1536";
  /** The quality of the image; a higher one costs more and takes longer. Default: "high". */
  quality?: "low" | "medium" | "high";
  /** Whether the background is transparent. Default: "auto". */
  background?: "auto" | "transparent" | "opaque";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GptImage1MiniParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The size of the image, by its name. Default: "1024x1024". */
  image_size?: "1024x1024" | "1536x1024" | "1024x1536";
  /** The quality of the image; a higher one costs more and takes longer. Default: "high". */
  quality?: "low" | "medium" | "high";
  /** Whether the background is transparent. Default: "auto". */
  background?: "auto" | "transparent" | "opaque";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GptImage15Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The size of the image, by its name. Default: "1024x1024". */
  image_size?: "1024x1024" | "1536x1024" | "1024x1536";
  /** The quality of the image; a higher one costs more and takes longer. Default: "high". */
  quality?: "low" | "medium" | "high";
  /** Whether the background is transparent. Default: "auto". */
  background?: "auto" | "transparent" | "opaque";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GptImage2Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The quality of the image; a higher one costs more and takes longer. Default: "high". */
  quality?: "auto" | "low" | "medium" | "high";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GptImage2EditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** The image that marks the area to change; white areas are changed. */
  mask_url?: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The quality of the image; a higher one costs more and takes longer. Default: "high". */
  quality?: "auto" | "low" | "medium" | "high";
  /** Whether the background is transparent. Default: "auto". */
  background?: "auto" | "transparent" | "opaque";
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface Seedream45Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The most images that one round may make; each one is charged. Default: 1. */
  max_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto_2K" | "auto_4K";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Seedream45EditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The most images that one round may make; each one is charged. Default: 1. */
  max_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto_2K" | "auto_4K";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Seedream5LiteParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The most images that one round may make; each one is charged. Default: 1. */
  max_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto_2K". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto_2K" | "auto_3K";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Seedream5LiteEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The most images that one round may make; each one is charged. Default: 1. */
  max_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto_2K". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto_2K" | "auto_3K";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface Seedream5ProEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "auto_2K". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9" | "auto_1K" | "auto_2K";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface RecraftV3Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The colors that the image prefers. */
  colors?: RecraftV3OptionsColors[];
  /** The style of the image. Default: "realistic_image". */
  style?: "any" | "realistic_image" | "digital_illustration" | "vector_illustration" | "realistic_image/b_and_w" | "realistic_image/enterprise" | "realistic_image/hard_flash" | "realistic_image/hdr" | "realistic_image/motion_blur" | "realistic_image/natural_light" | "realistic_image/studio_portrait" | "digital_illustration/2d_art_poster" | "digital_illustration/2d_art_poster_2" | "digital_illustration/3d" | "digital_illustration/80s" | "digital_illustration/engraving_color" | "digital_illustration/glow" | "digital_illustration/grain" | "digital_illustration/hand_drawn" | "digital_illustration/hand_drawn_outline" | "digital_illustration/handmade_3d" | "digital_illustration/infantile_sketch" | "digital_illustration/kawaii" | "digital_illustration/pixel_art" | "digital_illustration/psychedelic" | "digital_illustration/seamless" | "digital_illustration/voxel" | "digital_illustration/watercolor" | "vector_illustration/cartoon" | "vector_illustration/doodle_line_art" | "vector_illustration/engraving" | "vector_illustration/flat_2" | "vector_illustration/kawaii" | "vector_illustration/line_art" | "vector_illustration/line_circuit" | "vector_illustration/linocut" | "vector_illustration/seamless";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface RecraftV4Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  background_color?: RecraftV4OptionsBackgroundColor;
  /** The colors that the image prefers. */
  colors?: RecraftV4OptionsColors[];
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface RecraftV4VectorParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  background_color?: RecraftV4VectorOptionsBackgroundColor;
  /** The colors that the image prefers. */
  colors?: RecraftV4VectorOptionsColors[];
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface RecraftV4ProParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  background_color?: RecraftV4ProOptionsBackgroundColor;
  /** The colors that the image prefers. */
  colors?: RecraftV4ProOptionsColors[];
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface IdeogramV3Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls?: string[];
  /** What the image must not show. */
  negative_prompt?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Trades quality for speed; slower renderings cost more. Default: "BALANCED". */
  rendering_speed?: "TURBO" | "BALANCED" | "QUALITY";
  /** Let fal.ai add detail to the prompt first. Default: true. */
  expand_prompt?: boolean;
  /** The style of the image. */
  style?: "AUTO" | "GENERAL" | "REALISTIC" | "DESIGN";
  /** Codes of styles, in place of a style by name. */
  style_codes?: string[];
  /** The style of the image. */
  style_preset?: "80S_ILLUSTRATION" | "90S_NOSTALGIA" | "ABSTRACT_ORGANIC" | "ANALOG_NOSTALGIA" | "ART_BRUT" | "ART_DECO" | "ART_POSTER" | "AURA" | "AVANT_GARDE" | "BAUHAUS" | "BLUEPRINT" | "BLURRY_MOTION" | "BRIGHT_ART" | "C4D_CARTOON" | "CHILDRENS_BOOK" | "COLLAGE" | "COLORING_BOOK_I" | "COLORING_BOOK_II" | "CUBISM" | "DARK_AURA" | "DOODLE" | "DOUBLE_EXPOSURE" | "DRAMATIC_CINEMA" | "EDITORIAL" | "EMOTIONAL_MINIMAL" | "ETHEREAL_PARTY" | "EXPIRED_FILM" | "FLAT_ART" | "FLAT_VECTOR" | "FOREST_REVERIE" | "GEO_MINIMALIST" | "GLASS_PRISM" | "GOLDEN_HOUR" | "GRAFFITI_I" | "GRAFFITI_II" | "HALFTONE_PRINT" | "HIGH_CONTRAST" | "HIPPIE_ERA" | "ICONIC" | "JAPANDI_FUSION" | "JAZZY" | "LONG_EXPOSURE" | "MAGAZINE_EDITORIAL" | "MINIMAL_ILLUSTRATION" | "MIXED_MEDIA" | "MONOCHROME" | "NIGHTLIFE" | "OIL_PAINTING" | "OLD_CARTOONS" | "PAINT_GESTURE" | "POP_ART" | "RETRO_ETCHING" | "RIVIERA_POP" | "SPOTLIGHT_80S" | "STYLIZED_RED" | "SURREAL_COLLAGE" | "TRAVEL_POSTER" | "VINTAGE_GEO" | "VINTAGE_POSTER" | "WATERCOLOR" | "WEIRD" | "WOODBLOCK_PRINT";
}

export interface IdeogramV4Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Trades quality for speed; slower renderings cost more. Default: "BALANCED". */
  rendering_speed?: "TURBO" | "BALANCED" | "QUALITY";
  /** The model that adds detail to the prompt first: none. Default: "None". */
  expansion_model?: "None";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "low" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface IdeogramV4FastParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Trades quality for speed; slower renderings cost more. Default: "BALANCED". */
  rendering_speed?: "TURBO" | "BALANCED" | "QUALITY";
  /** The model that adds detail to the prompt first, or None. Default: "Medium". */
  expansion_model?: "None" | "Medium";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface IdeogramV4InstantParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "square_hd". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The model that adds detail to the prompt first, or None. Default: "Medium". */
  expansion_model?: "None" | "Medium";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface QwenImageParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** LoRA weights, merged into the base model. */
  loras?: LoraWeight[];
  /** What the image must not show. */
  negative_prompt?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 2.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 30. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Take less time, at some loss of quality. */
  use_turbo?: boolean;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png";
  /** Trades quality for speed. Default: "none". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface QwenImageAnglesParams {
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** What the image must not show. */
  negative_prompt?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 4.5. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 28. */
  num_inference_steps?: number;
  /** Text that is added to the prompt. */
  additional_prompt?: string;
  /** Weight of the LoRA. Default: 1. */
  lora_scale?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The camera's angle around the subject in degrees. */
  horizontal_angle?: number;
  /** The camera's angle above the subject in degrees. */
  vertical_angle?: number;
  /** How near the camera is. Default: 5. */
  zoom?: number;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** Trades quality for speed. Default: "regular". */
  acceleration?: "none" | "regular";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface ZImageTurboParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of denoising steps. More steps take longer. Default: 8. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. Default: "landscape_4_3". */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** Let fal.ai add detail to the prompt first. */
  enable_prompt_expansion?: boolean;
  /** The file type of the image. Default: "png". */
  output_format?: "jpeg" | "png" | "webp";
  /** Trades quality for speed. Default: "regular". */
  acceleration?: "none" | "regular" | "high";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface HidreamI1FastParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** What the image must not show. */
  negative_prompt?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** Number of denoising steps. More steps take longer. */
  num_inference_steps?: number;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The name of a preset, or an object with width and height in pixels. Not together with width and height. */
  image_size?: ImageSize | "square_hd" | "square" | "portrait_4_3" | "portrait_16_9" | "landscape_4_3" | "landscape_16_9";
  /** Width in pixels; only together with height, and not with image_size. */
  width?: number;
  /** Height in pixels; only together with width, and not with image_size. */
  height?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface GrokImagineParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "1:1". */
  aspect_ratio?: "2:1" | "20:9" | "19.5:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:19.5" | "9:20" | "1:2";
  /** The size of the image as a tier. Default: "1k". */
  resolution?: "1k" | "2k";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GrokImagineEditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "2:1" | "20:9" | "19.5:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:19.5" | "9:20" | "1:2";
  /** The size of the image as a tier. Default: "1k". */
  resolution?: "1k" | "2k";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GrokImagine2Params {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "1:1". */
  aspect_ratio?: "2:1" | "20:9" | "19.5:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:19.5" | "9:20" | "1:2";
  /** The size of the image as a tier. Default: "1k". */
  resolution?: "1k" | "2k";
  /** The quality of the image; a higher one costs more and takes longer. Default: "medium". */
  quality?: "low" | "medium";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface GrokImagine2EditParams {
  /** What the image shows; for an edit, what to change. */
  prompt: string;
  /** Images to edit or to use as references, in the order in which the prompt mentions them. */
  image_urls: string[];
  /** Number of images to make; each one is charged. Default: 1. */
  num_images?: number;
  /** The aspect ratio of the image, width to height. Default: "auto". */
  aspect_ratio?: "auto" | "2:1" | "20:9" | "19.5:9" | "16:9" | "4:3" | "3:2" | "1:1" | "2:3" | "3:4" | "9:16" | "9:19.5" | "9:20" | "1:2";
  /** The size of the image as a tier. Default: "1k". */
  resolution?: "1k" | "2k";
  /** The quality of the image; a higher one costs more and takes longer. Default: "medium". */
  quality?: "low" | "medium";
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png" | "webp";
}

export interface ClarityUpscalerParams {
  /** The image to start from. */
  image_url: string;
  /** What the image shows; for an edit, what to change. */
  prompt?: string;
  /** What the image must not show. */
  negative_prompt?: string;
  /** Makes the result reproducible; the same request and seed give the same image. Random if absent. */
  seed?: number;
  /** How closely the image follows the prompt. Default: 4. */
  guidance_scale?: number;
  /** Number of denoising steps. More steps take longer. Default: 18. */
  num_inference_steps?: number;
  /** How far the result may depart from its source. Default: 0.35. */
  creativity?: number;
  /** How closely the result keeps to its source. Default: 0.6. */
  resemblance?: number;
  /** How many times as wide and high the result is. Default: 2. */
  upscale_factor?: number;
  /** Check the images for unsafe content. Flagged images are reported. Default: true. */
  enable_safety_checker?: boolean;
}

export interface TopazUpscaleParams {
  /** The image to start from. */
  image_url: string;
  /** Strength of the enhancement; only of the model Text Refine. */
  strength?: number;
  /** How many times as wide and high the result is. Default: 2. */
  upscale_factor?: number;
  /** Crop the result to the whole area of its frame. */
  crop_to_fill?: boolean;
  /** Which part of the image is improved. Default: "All". */
  subject_detection?: "All" | "Foreground" | "Background";
  /** Improve faces. Default: true. */
  face_enhancement?: boolean;
  /** How much new detail faces get. Default: 0. */
  face_enhancement_creativity?: number;
  /** How strongly faces are improved. Default: 0.8. */
  face_enhancement_strength?: number;
  /** How much the image is sharpened. */
  sharpen?: number;
  /** How much noise is removed. */
  denoise?: number;
  /** How far the traces of compression are removed. */
  fix_compression?: number;
  /** The file type of the image. Default: "jpeg". */
  output_format?: "jpeg" | "png";
}

export interface BriaBackgroundRemovalParams {
  /** The image to start from. */
  image_url: string;
}

/** What each model takes. */
export interface Models {
  "nano-banana-edit": NanoBananaEditParams;
  "flux-pro": FluxProParams;
  "flux-dev": FluxDevParams;
  "flux-lora": FluxLoraParams;
  "flux-dev-image-to-image": FluxDevImageToImageParams;
  "face-swap": FaceSwapParams;
  "flux-schnell": FluxSchnellParams;
  "flux-pro-ultra": FluxProUltraParams;
  "flux-kontext-pro": FluxKontextProParams;
  "flux-kontext-max": FluxKontextMaxParams;
  "flux-2-pro": Flux2ProParams;
  "flux-2-pro-edit": Flux2ProEditParams;
  "flux-2-flex": Flux2FlexParams;
  "flux-2-flex-edit": Flux2FlexEditParams;
  "flux-2-lora": Flux2LoraParams;
  "flux-2-klein": Flux2KleinParams;
  "flux-2-klein-edit": Flux2KleinEditParams;
  "flux-2-klein-edit-lora": Flux2KleinEditLoraParams;
  "nano-banana": NanoBananaParams;
  "nano-banana-1-edit": NanoBanana1EditParams;
  "nano-banana-2": NanoBanana2Params;
  "nano-banana-2-edit": NanoBanana2EditParams;
  "nano-banana-pro": NanoBananaProParams;
  "gpt-image-1": GptImage1Params;
  "gpt-image-1-mini": GptImage1MiniParams;
  "gpt-image-1.5": GptImage15Params;
  "gpt-image-2": GptImage2Params;
  "gpt-image-2-edit": GptImage2EditParams;
  "seedream-4.5": Seedream45Params;
  "seedream-4.5-edit": Seedream45EditParams;
  "seedream-5-lite": Seedream5LiteParams;
  "seedream-5-lite-edit": Seedream5LiteEditParams;
  "seedream-5-pro-edit": Seedream5ProEditParams;
  "recraft-v3": RecraftV3Params;
  "recraft-v4": RecraftV4Params;
  "recraft-v4-vector": RecraftV4VectorParams;
  "recraft-v4-pro": RecraftV4ProParams;
  "ideogram-v3": IdeogramV3Params;
  "ideogram-v4": IdeogramV4Params;
  "ideogram-v4-fast": IdeogramV4FastParams;
  "ideogram-v4-instant": IdeogramV4InstantParams;
  "qwen-image": QwenImageParams;
  "qwen-image-angles": QwenImageAnglesParams;
  "z-image-turbo": ZImageTurboParams;
  "hidream-i1-fast": HidreamI1FastParams;
  "grok-imagine": GrokImagineParams;
  "grok-imagine-edit": GrokImagineEditParams;
  "grok-imagine-2": GrokImagine2Params;
  "grok-imagine-2-edit": GrokImagine2EditParams;
  "clarity-upscaler": ClarityUpscalerParams;
  "topaz-upscale": TopazUpscaleParams;
  "bria-background-removal": BriaBackgroundRemovalParams;
}

/** The names of each model's options: all other parameters are inputs. */
export const modelOptions: Record<string, readonly string[]> = {
  "nano-banana-edit": ["num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"],
  "flux-pro": ["num_images", "image_size", "width", "height", "output_format", "safety_tolerance"],
  "flux-dev": ["num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"],
  "flux-lora": ["num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"],
  "flux-dev-image-to-image": ["num_images", "output_format", "acceleration", "enable_safety_checker"],
  "face-swap": [],
  "flux-schnell": ["num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"],
  "flux-pro-ultra": ["num_images", "aspect_ratio", "raw", "output_format", "safety_tolerance"],
  "flux-kontext-pro": ["num_images", "aspect_ratio", "output_format", "safety_tolerance"],
  "flux-kontext-max": ["num_images", "aspect_ratio", "output_format", "safety_tolerance"],
  "flux-2-pro": ["image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"],
  "flux-2-pro-edit": ["image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"],
  "flux-2-flex": ["image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"],
  "flux-2-flex-edit": ["image_size", "width", "height", "output_format", "enable_safety_checker", "safety_tolerance"],
  "flux-2-lora": ["num_images", "image_size", "width", "height", "enable_prompt_expansion", "output_format", "acceleration", "enable_safety_checker"],
  "flux-2-klein": ["num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"],
  "flux-2-klein-edit": ["num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"],
  "flux-2-klein-edit-lora": ["num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"],
  "nano-banana": ["num_images", "aspect_ratio", "output_format", "safety_tolerance"],
  "nano-banana-1-edit": ["num_images", "aspect_ratio", "output_format", "safety_tolerance"],
  "nano-banana-2": ["num_images", "aspect_ratio", "resolution", "thinking_level", "output_format", "safety_tolerance"],
  "nano-banana-2-edit": ["num_images", "aspect_ratio", "resolution", "thinking_level", "output_format", "safety_tolerance"],
  "nano-banana-pro": ["num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"],
  "gpt-image-1": ["num_images", "image_size", "quality", "background", "output_format"],
  "gpt-image-1-mini": ["num_images", "image_size", "quality", "background", "output_format"],
  "gpt-image-1.5": ["num_images", "image_size", "quality", "background", "output_format"],
  "gpt-image-2": ["num_images", "image_size", "width", "height", "quality", "output_format"],
  "gpt-image-2-edit": ["num_images", "image_size", "width", "height", "quality", "background", "output_format"],
  "seedream-4.5": ["num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"],
  "seedream-4.5-edit": ["num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"],
  "seedream-5-lite": ["num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"],
  "seedream-5-lite-edit": ["num_images", "max_images", "image_size", "width", "height", "enable_safety_checker"],
  "seedream-5-pro-edit": ["num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"],
  "recraft-v3": ["image_size", "width", "height", "colors", "style", "enable_safety_checker"],
  "recraft-v4": ["image_size", "width", "height", "background_color", "colors", "enable_safety_checker"],
  "recraft-v4-vector": ["image_size", "width", "height", "background_color", "colors", "enable_safety_checker"],
  "recraft-v4-pro": ["image_size", "width", "height", "background_color", "colors", "enable_safety_checker"],
  "ideogram-v3": ["num_images", "image_size", "width", "height", "rendering_speed", "expand_prompt", "style", "style_codes", "style_preset"],
  "ideogram-v4": ["num_images", "image_size", "width", "height", "rendering_speed", "expansion_model", "output_format", "acceleration", "enable_safety_checker"],
  "ideogram-v4-fast": ["num_images", "image_size", "width", "height", "rendering_speed", "expansion_model", "output_format", "enable_safety_checker"],
  "ideogram-v4-instant": ["num_images", "image_size", "width", "height", "expansion_model", "output_format", "enable_safety_checker"],
  "qwen-image": ["num_images", "image_size", "width", "height", "use_turbo", "output_format", "acceleration", "enable_safety_checker"],
  "qwen-image-angles": ["num_images", "image_size", "width", "height", "horizontal_angle", "vertical_angle", "zoom", "output_format", "acceleration", "enable_safety_checker"],
  "z-image-turbo": ["num_images", "image_size", "width", "height", "enable_prompt_expansion", "output_format", "acceleration", "enable_safety_checker"],
  "hidream-i1-fast": ["num_images", "image_size", "width", "height", "output_format", "enable_safety_checker"],
  "grok-imagine": ["num_images", "aspect_ratio", "resolution", "output_format"],
  "grok-imagine-edit": ["num_images", "aspect_ratio", "resolution", "output_format"],
  "grok-imagine-2": ["num_images", "aspect_ratio", "resolution", "quality", "output_format"],
  "grok-imagine-2-edit": ["num_images", "aspect_ratio", "resolution", "quality", "output_format"],
  "clarity-upscaler": ["upscale_factor", "enable_safety_checker"],
  "topaz-upscale": ["model", "upscale_factor", "crop_to_fill", "subject_detection", "face_enhancement", "face_enhancement_creativity", "face_enhancement_strength", "sharpen", "denoise", "fix_compression", "output_format"],
  "bria-background-removal": [],
};
