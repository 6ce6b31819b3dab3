from collections.abc import Callable
from pathlib import Path

import pytest

from imagegen.errors import CatalogError
from imagegen.registry import load_registry

SOUND = """\
your-model:
  falEndpoint: fal-ai/your-endpoint
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [seed, guidance_scale]
  options: [num_images, output_format, resolution]
  defaultOptions: {num_images: 1}
  costPerImage: 0.03
  description: Your model
"""


def broken(written: str, instead: str) -> str:
    assert written in SOUND
    return SOUND.replace(written, instead)


def more(text: str) -> str:
    return SOUND + text


CASES = {
    "empty": ("", 1, "", "expected a mapping of names to entries"),
    "only a comment": ("# nothing\n", 1, "", "expected a mapping of names to entries"),
    "a list": ("- flux\n", 1, "", "expected a mapping of names to entries"),
    "no yaml": ("a: 1\nb: c: d\n", 2, "", "is not valid YAML"),
    "a tab": ("a:\n\tb: 1\n", 2, "", "is not valid YAML"),
    "a control character": ("a: \x01\n", 1, "", "is not valid YAML"),
    "two documents": (SOUND + "---\n" + SOUND, 10, "", "is not valid YAML"),
    "an unknown alias": (broken("0.03", "*price"), 8, "", "undefined alias"),
    "a tag": (broken("0.03", "!money 3"), 8, "your-model.costPerImage", "expected plain YAML"),
    "a list as a key": ("[a]: 1\n", 1, "", "expected keys that are names"),
    "a model twice": (SOUND + SOUND, 10, "your-model", "is given twice, first on line 1"),
    "a key twice": (more("  category: other\n"), 10, "your-model.category", "is given twice, first on line 3"),
    "nested without end": (
        more("  example: " + "[" * 40 + "]" * 40),
        10,
        "your-model.example.0",
        "more than 32 levels",
    ),
    "no entry": ("your-model: 3\n", 1, "your-model", "expected a mapping of keys to values"),
    "models around it": ("models:\n  flux-x: {category: x}\n", 1, "models", "without 'models:'"),
    "a name in capitals": (broken("your-model", "Your-Model"), 1, "Your-Model", "expected a model's name"),
    "an endless name": (broken("your-model", "x" * 65), 1, "x" * 65, "expected a model's name"),
    "a name that makes a class name twice": (
        broken("your-model", "flux_pro"),
        1,
        "flux_pro",
        "expected another name: 'flux-pro' already has classes named FluxPro",
    ),
    "a name that the API uses": (broken("your-model", "generate"), 1, "generate", "expected another name"),
    "a name that a shared object has": (broken("your-model", "image-size"), 1, "image-size", "expected another name"),
    "a missing key": (broken("  category: text-to-image\n", ""), 1, "your-model", "expected the key 'category'"),
    "an unknown key": (broken("falEndpoint", "falEndpont"), 2, "your-model.falEndpont", "did you mean 'falEndpoint'?"),
    "an address as endpoint": (
        broken("fal-ai/your-endpoint", "https://fal.run/fal-ai/x"),
        2,
        "your-model.falEndpoint",
        "expected an endpoint's id such as fal-ai/flux/dev",
    ),
    "an endpoint without an app": (
        broken("fal-ai/your-endpoint", "x"),
        2,
        "your-model.falEndpoint",
        "expected an endpoint's id",
    ),
    "a path upwards": (
        broken("fal-ai/your-endpoint", "fal-ai/../x"),
        2,
        "your-model.falEndpoint",
        "expected an endpoint's id",
    ),
    "a negative price": (broken("0.03", "-0.03"), 8, "your-model.costPerImage", "greater than or equal to 0"),
    "a price that is none": (broken("0.03", "cheap"), 8, "your-model.costPerImage", "decimal"),
    "an infinite price": (broken("0.03", ".inf"), 8, "your-model.costPerImage", "decimal"),
    "a price of true": (broken("0.03", "true"), 8, "your-model.costPerImage", "decimal"),
    "an infinite default": (
        broken("num_images: 1", "num_images: .inf"),
        7,
        "your-model.defaultOptions.num_images",
        "finite",
    ),
    "an input twice": (
        broken("[seed, g", "[prompt, g"),
        5,
        "your-model.optionalInputs.0",
        "is already under requiredInputs",
    ),
    "an input as an option": (
        broken("[num_images", "[seed"),
        6,
        "your-model.options.0",
        "is already under optionalInputs",
    ),
    "sync_mode": (broken("[seed", "[sync_mode"), 5, "your-model.optionalInputs.0", "sync_mode is not accepted"),
    "a name with a space": (
        broken("[seed", "[my seed"),
        5,
        "your-model.optionalInputs.0",
        "expected a name of letters",
    ),
    "a number as a name": (broken("[seed", "[7"), 5, "your-model.optionalInputs.0", "expected a valid string"),
    "width alone": (broken("[num_images", "[width"), 6, "your-model.options", "expected width and height together"),
    "a default that is no option": (
        broken("{num_images: 1}", "{num_image: 1}"),
        7,
        "your-model.defaultOptions.num_image",
        "expected an option of this model, did you mean 'num_images'?",
    ),
    "a default out of range": (
        broken("{num_images: 1}", "{num_images: 5}"),
        7,
        "your-model.defaultOptions.num_images",
        "options.num_images must be between 1 and 4.",
    ),
    "a default of the wrong type": (
        broken("{num_images: 1}", "\n    output_format: png\n    num_images: many"),
        9,
        "your-model.defaultOptions.num_images",
        "must be a whole number",
    ),
    "a parameter that is not listed": (
        more("  parameters:\n    seeed: {minimum: 1}\n"),
        11,
        "your-model.parameters.seeed",
        "did you mean 'seed'?",
    ),
    "an unknown keyword": (
        more("  parameters:\n    seed: {maximun: 1}\n"),
        11,
        "your-model.parameters.seed.maximun",
        "no such key, did you mean 'maximum'?",
    ),
    "an unknown type": (
        more("  parameters:\n    seed: {type: int}\n"),
        11,
        "your-model.parameters.seed.type",
        "expected 'string', 'integer'",
    ),
    "a keyword of another type": (
        more("  parameters:\n    seed: {maxLength: 1}\n"),
        11,
        "your-model.parameters.seed.maxLength",
        "does not go with integer",
    ),
    "a range that is empty": (
        more("  parameters:\n    seed:\n      minimum: 9\n      maximum: 3\n"),
        12,
        "your-model.parameters.seed.minimum",
        "expected at most maximum, which is 3",
    ),
    "values of another type": (
        more("  parameters:\n    seed: {enum: [a]}\n"),
        11,
        "your-model.parameters.seed.enum",
        "expected values of type integer",
    ),
    "an unknown definition": (
        more("  parameters:\n    seed: {$ref: '#/definitions/Size'}\n"),
        11,
        "your-model.parameters.seed.$ref",
        "#/definitions/ImageSize",
    ),
    "an expression with look-around": (
        more("  parameters:\n    prompt: {pattern: '(?=x)'}\n"),
        11,
        "your-model.parameters.prompt.pattern",
        "expected a regular expression",
    ),
    "a required property that is none": (
        more("  parameters:\n    seed: {type: object, properties: {a: {}}, required: [b]}\n"),
        11,
        "your-model.parameters.seed.required",
        "expected 'b' under properties too",
    ),
    "a rule about a stranger": (
        more("  priceRules:\n    - {option: resolutoin, value: 4K, multiply: 2}\n"),
        11,
        "your-model.priceRules.0.option",
        "did you mean 'resolution'?",
    ),
    "a rule for a value that is refused": (
        more("  priceRules:\n    - {option: resolution, value: 9K, multiply: 2}\n"),
        11,
        "your-model.priceRules.0.value",
        "must be one of 0.5K, 1K, 2K, 4K",
    ),
    "a rule with another key": (
        more("  priceRules:\n    - {option: resolution, value: 4K, times: 2}\n"),
        11,
        "your-model.priceRules.0.times",
        "no such key, expected one of option, value, multiply",
    ),
    "a route by a stranger": (
        more("  routes:\n    - {when: loras, falEndpoint: fal-ai/x}\n"),
        11,
        "your-model.routes.0.when",
        "expected a parameter that this entry lists",
    ),
    "a route that refuses the defaults": (
        more("  routes:\n    - {when: seed, falEndpoint: fal-ai/x, parameters: {num_images: {minimum: 2}}}\n"),
        7,
        "your-model.defaultOptions.num_images",
        "With seed, options.num_images must be between 2 and 4.",
    ),
    "an example that is refused": (
        more("  example:\n    inputs: {prompt: x}\n    options:\n      num_images: 9\n"),
        13,
        "your-model.example.options.num_images",
        "must be between 1 and 4",
    ),
    "no example where one is needed": (
        broken("[prompt]", "[prompt, style]") + "  parameters:\n    style: {type: string, pattern: ^x+$}\n",
        4,
        "your-model.requiredInputs",
        "give parameters.style one",
    ),
}


@pytest.mark.parametrize(("text", "line", "key", "expected"), CASES.values(), ids=CASES)
def test_broken_entry_is_reported_with_its_line(tmp_path: Path, text: str, line: int, key: str, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(CatalogError) as stopped:
        load_registry([path])

    error = stopped.value
    assert (error.file, error.line, error.key) == (str(path), line, key)
    assert expected in error.expected


def nothing(_: Path) -> None:
    """Leave the path without a file."""


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\xfa")


SPOILED: dict[str, Callable[[Path], None]] = {
    "No such file or directory": nothing,
    "Is a directory": Path.mkdir,
    "it is not UTF-8 text": binary,
}


@pytest.mark.parametrize("reason", SPOILED)
def test_unreadable_file_is_reported(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "mine.yaml"
    SPOILED[reason](path)

    with pytest.raises(CatalogError) as stopped:
        load_registry([path])

    assert str(stopped.value) == f"{path}: cannot be read: {reason}"


MANY_FAULTS = """\
your-model:
  falEndpont: fal-ai/your-endpoint
  category: Text To Image
  requiredInputs: [prompt, prompt]
  costPerImage: -1
  description: ''
my-model:
  falEndpoint: fal-ai/my-endpoint
  category: text-to-image
  requiredInputs: [prompt, prompt]
  optionalInputs: [sync_mode, seed]
  options: [num_images, width]
  defaultOptions: {num_image: 1}
  parameters:
    seeed: {minimum: 1}
    seed: {maximun: 1, type: int}
    prompt: {minLength: 9, maxLength: 3}
  priceRules:
    - {option: resolutoin, value: 4K, multiply: 2}
  costPerImage: 0.01
  description: Mine
their-model:
  falEndpoint: fal-ai/their-endpoint
  category: text-to-image
  requiredInputs: [prompt]
  options: [num_images, output_format]
  defaultOptions: {num_images: 9, output_format: bmp}
  example: {inputs: {prompt: 3}, options: {num_images: many}}
  costPerImage: 0.01
  description: Theirs
Good Name:
  category: x
"""


def test_all_faults_of_all_catalogs_are_reported_at_once(tmp_path: Path) -> None:
    mine, torn, gone = tmp_path / "mine.yaml", tmp_path / "torn.yaml", tmp_path / "gone.yaml"
    mine.write_text(MANY_FAULTS, encoding="utf-8")
    torn.write_text("a: {b: 1, b: 2}\nc: !x 1\na: 2\n", encoding="utf-8")

    with pytest.raises(CatalogError) as stopped:
        load_registry([mine, torn, gone])

    told = [(Path(each.file).name, each.line, each.key) for each in stopped.value.faults]
    assert told == [
        ("mine.yaml", 2, "your-model.falEndpont"),
        ("mine.yaml", 3, "your-model.category"),
        ("mine.yaml", 4, "your-model.requiredInputs.1"),
        ("mine.yaml", 5, "your-model.costPerImage"),
        ("mine.yaml", 6, "your-model.description"),
        ("mine.yaml", 10, "my-model.requiredInputs.1"),
        ("mine.yaml", 11, "my-model.optionalInputs.0"),
        ("mine.yaml", 12, "my-model.options"),
        ("mine.yaml", 13, "my-model.defaultOptions.num_image"),
        ("mine.yaml", 15, "my-model.parameters.seeed"),
        ("mine.yaml", 16, "my-model.parameters.seed.maximun"),
        ("mine.yaml", 16, "my-model.parameters.seed.type"),
        ("mine.yaml", 17, "my-model.parameters.prompt.minLength"),
        ("mine.yaml", 19, "my-model.priceRules.0.option"),
        ("mine.yaml", 27, "their-model.defaultOptions.num_images"),
        ("mine.yaml", 27, "their-model.defaultOptions.output_format"),
        ("mine.yaml", 28, "their-model.example.inputs.prompt"),
        ("mine.yaml", 28, "their-model.example.options.num_images"),
        *[("mine.yaml", 31, "Good Name")] * 4,  # the name, and three missing keys
        ("torn.yaml", 1, "a.b"),
        ("torn.yaml", 2, "c"),
        ("torn.yaml", 3, "a"),
        ("gone.yaml", 0, ""),
    ]
    assert str(stopped.value).splitlines() == [str(each) for each in stopped.value.faults]
    assert "mine.yaml:6: your-model.description: expected at least 1 character" in str(stopped.value)


NAME_KEYS_AND_LISTS = """
My Model:
  falEndpoint: https://fal.run/fal-ai/any
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [seed, prompt]
  defaultOptions: {num_image: 1}
  costPerImage: free
  descripton: Mine
"""


def test_wrong_name_or_key_hides_no_other_fault(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(NAME_KEYS_AND_LISTS.lstrip(), encoding="utf-8")

    with pytest.raises(CatalogError) as stopped:
        load_registry([mine])

    assert [(each.line, each.key.removeprefix("My Model")) for each in stopped.value.faults] == [
        (1, ""),
        (2, ".falEndpoint"),
        (5, ".optionalInputs.1"),
        (6, ".defaultOptions.num_image"),
        (7, ".costPerImage"),
        (8, ".descripton"),
    ]
