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

/** What each model takes. */
export interface Models {
  "nano-banana-edit": NanoBananaEditParams;
  "flux-pro": FluxProParams;
  "flux-dev": FluxDevParams;
  "flux-lora": FluxLoraParams;
  "flux-dev-image-to-image": FluxDevImageToImageParams;
  "face-swap": FaceSwapParams;
}

/** The names of each model's options: all other parameters are inputs. */
export const modelOptions: Record<string, readonly string[]> = {
  "nano-banana-edit": ["num_images", "aspect_ratio", "resolution", "output_format", "safety_tolerance"],
  "flux-pro": ["num_images", "image_size", "width", "height", "output_format", "safety_tolerance"],
  "flux-dev": ["num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"],
  "flux-lora": ["num_images", "image_size", "width", "height", "output_format", "acceleration", "enable_safety_checker"],
  "flux-dev-image-to-image": ["num_images", "output_format", "acceleration", "enable_safety_checker"],
  "face-swap": [],
};
