"""Requests that are wrong for their model: the type checker refuses each line that says so, and no other."""

from imagegen_client.models import FaceSwapInputs, FluxProInputs, FluxProOptions, FluxProRequest

inputs = FluxProInputs(prompt="A lighthouse", seed=7)
faces = FaceSwapInputs("https://example.com/group.jpg", "https://example.com/face.jpg")

FluxProRequest("flux-pro", inputs, "user123")
FluxProRequest("flux-dev", inputs, "user123")  # refused
FluxProRequest("flux-pro", faces, "user123")  # refused
FluxProRequest("flux-pro", inputs)  # refused
FluxProInputs(promt="a misspelt input")  # refused
FluxProInputs(seed=7)  # refused
FluxProInputs(prompt="another model's input", strength=0.5)  # refused
FluxProInputs(prompt="text for a number", seed="7")  # refused
FluxProOptions(output_format="webp")  # refused
