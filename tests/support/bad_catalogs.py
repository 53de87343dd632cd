"""Sixty catalogs that a person, an editor or an attacker could have written, each with what must be said about it."""

from dataclasses import dataclass

GOOD = """\
[defaults]
protocol = "report"
data.name = "cifar10"
model.name = "cnn"
optimizer.name = "adam"

[experiment.network]
data.train_fraction = 0.5

[experiment.rates]
grid.optimizer.lr = [0.1, 0.01]

"""
"""Two sound entries; what follows them begins in line 13."""


@dataclass(frozen=True)
class Said:
    """One problem that must be reported: where, and words of the message; the column where it matters."""

    line: int | None
    key: str
    words: tuple[str, ...]
    column: int | None = None


@dataclass(frozen=True)
class Bad:
    """A catalog with its problems, and the entries that must stay usable."""

    name: str
    content: str | bytes
    said: tuple[Said, ...]
    good: tuple[str, ...] = ("network", "rates")


def after(name: str, text: str, *said: Said, good: tuple[str, ...] = ("network", "rates")) -> Bad:
    """A problem behind two sound entries."""
    return Bad(name, GOOD + text, said, good)


def whole(name: str, content: str | bytes, *said: Said, good: tuple[str, ...] = ()) -> Bad:
    """A file that is nothing but the problem."""
    return Bad(name, content, said, good)


def says(line: int | None, key: str, *words: str, column: int | None = None) -> Said:
    return Said(line, key, words, column)


VALUES = (
    after(
        "a negative learning rate",
        "[experiment.x]\noptimizer.lr = -0.1\n",
        says(14, "experiment.x.optimizer.lr", "-0.1 is not allowed", "a number above 0 and at most 1,000"),
    ),
    after(
        "a learning rate of nan",
        "[experiment.x]\noptimizer.lr = nan\n",
        says(14, "experiment.x.optimizer.lr", "nan", "a number above 0"),
    ),
    after(
        "an infinite weight",
        '[experiment.x]\npenalty = { norm = "l1", weight = inf }\n',
        says(14, "experiment.x.penalty.weight", "inf", "a number from 0 to 1,000,000"),
    ),
    after(
        "no epochs at all",
        "[experiment.x]\ntraining.epochs = 0\n",
        says(14, "experiment.x.training.epochs", "0 is not allowed", "a whole number from 1 to 100,000"),
    ),
    after(
        "epochs with a decimal point",
        "[experiment.x]\ntraining.epochs = 10.0\n",
        says(14, "experiment.x.training.epochs", "10.0 has a decimal point", "a whole number", "Write 10."),
    ),
    after(
        "a boolean for a number",
        "[experiment.x]\ntraining.epochs = true\n",
        says(14, "experiment.x.training.epochs", "true is a boolean", "a whole number from 1 to 100,000"),
    ),
    after(
        "a number for a boolean",
        '[experiment.x]\noptimizer = { name = "sgd", momentum = 0.9, nesterov = 1 }\n',
        says(14, "experiment.x.optimizer.nesterov", "1 is a number", "true or false"),
    ),
    after(
        "a number in quotes",
        '[experiment.x]\noptimizer.lr = "0.1"\n',
        says(14, "experiment.x.optimizer.lr", '"0.1" is text', "a number above 0", "without quotes"),
    ),
    after(
        "a date for a number",
        "[experiment.x]\noptimizer.lr = 2026-11-23\n",
        says(14, "experiment.x.optimizer.lr", "2026-11-23 is a date", "a number above 0"),
    ),
    after(
        "a list for a number",
        "[experiment.x]\noptimizer.lr = [0.1, 0.01]\n",
        says(14, "experiment.x.optimizer.lr", "[0.1, 0.01] is a list", "a number above 0", "grid.optimizer.lr"),
    ),
    after(
        "one number where two are needed",
        "[experiment.x]\nmodel.dropout = 0.5\n",
        says(14, "experiment.x.model.dropout", "0.5", "a list of two"),
    ),
    after(
        "three numbers where two are needed",
        "[experiment.x]\nmodel.dropout = [0.1, 0.2, 0.3]\n",
        says(14, "experiment.x.model.dropout", "a list of 3 items is not allowed", "a list of two"),
    ),
    after(
        "a dropout of everything, in the second place",
        "[experiment.x]\nmodel.dropout = [\n    0.5,\n    1.0,\n]\n",
        says(16, "experiment.x.model.dropout[1]", "1.0 is not allowed", "from 0 to below 1"),
    ),
    after(
        "a whole number beyond any machine's",
        "[experiment.x]\ntraining.batch_size = 99999999999999999999999999\n",
        says(14, "experiment.x.training.batch_size", "9999999999", "a whole number from 1 to 1,000,000"),
    ),
    after(
        "text that retitles a terminal",
        '[experiment.x]\ndescription = "fine \\u001b]0;owned\\u0007"\n',
        says(14, "experiment.x.description", "U+0007 and U+001B", "control characters are not allowed"),
    ),
    after(
        "text longer than anybody reads",
        f'[experiment.x]\ndescription = "{"x" * 4001}"\n',
        says(14, "experiment.x.description", "4,001 characters", "at most 4,000 characters"),
    ),
)

NAMES = (
    after(
        "an unknown key in an entry",
        "[experiment.x]\noptimiser.lr = 0.1\n",
        says(14, "experiment.x.optimiser", "unknown key", "Did you mean optimizer?"),
    ),
    after(
        "an unknown key in a table",
        "[experiment.x]\ntraining.epoch = 3\n",
        says(14, "experiment.x.training.epoch", "unknown key", "Did you mean epochs?", "batch_size"),
    ),
    after(
        "a key of another optimizer",
        "[experiment.x]\noptimizer.momentum = 0.9\n",
        says(14, "experiment.x.optimizer.momentum", 'belongs to "sgd", not to "adam"', "lr", "betas"),
    ),
    after(
        "a key of the optimizer that was replaced",
        '[experiment.x]\noptimizer = { name = "sgd", betas = [0.9, 0.99] }\n',
        says(14, "experiment.x.optimizer.betas", 'belongs to "adam" and "adamw", not to "sgd"', "momentum"),
    ),
    after(
        "a key with a letter that only looks plain",
        '[experiment.x]\noptimizer."l\u0433" = 0.1\n',
        says(14, 'experiment.x.optimizer."l\u0433"', "U+0433", "lr"),
    ),
    after("an empty key", '[experiment.x]\n"" = 1\n', says(14, 'experiment.x.""', "unknown key", "title")),
    after(
        "an unknown optimizer",
        '[experiment.x]\noptimizer.name = "adan"\n',
        says(14, "experiment.x.optimizer.name", '"adan" is unknown', 'Did you mean "adam"', '"sgd"'),
    ),
    after(
        "a model by its import path",
        '[experiment.x]\nmodel.name = "os:system"\n',
        says(14, "experiment.x.model.name", '"os:system" is unknown', '"cnn" or "resnet18"'),
    ),
    after(
        "a model named without a table",
        '[experiment.x]\nmodel = "resnet18"\n',
        says(14, "experiment.x.model", '"resnet18" is text', 'model.name = "resnet18"'),
    ),
    after(
        "an unknown data set",
        '[experiment.x]\ndata.name = "cifar"\n',
        says(14, "experiment.x.data.name", 'no data set "cifar"', 'Did you mean "cifar10"', '"digits"'),
    ),
    after(
        "a data set by its path",
        '[experiment.x]\ndata.name = "../../etc/passwd"\n',
        says(14, "experiment.x.data.name", "no data set", '"cifar10"'),
    ),
    after(
        "an unknown stand-in",
        '[experiment.x]\noffline_dataset = "digit"\n',
        says(14, "experiment.x.offline_dataset", 'no data set "digit"', 'Did you mean "digits"'),
    ),
    after(
        "an unknown transform",
        '[experiment.x]\ndata.augment.transforms = [\n  { name = "rotation", degrees = 5 },\n  { name = "flip" },\n]\n',
        says(16, "experiment.x.data.augment.transforms[1].name", '"flip" is unknown', '"horizontal_flip"'),
    ),
    after(
        "a transform without its argument",
        '[experiment.x]\ndata.augment.transforms = [{ name = "rotation" }]\n',
        says(14, "experiment.x.data.augment.transforms[0].degrees", "this key is missing", "a number from 0 to 180"),
    ),
    after(
        "an unknown module under a penalty",
        '[experiment.x]\npenalty = { norm = "l2", weight = 0.5, modules = ["fc1", "fc4"] }\n',
        says(14, "experiment.x.penalty.modules[1]", 'no module "fc4"', "Did you mean", '"conv1"'),
    ),
    after(
        "an unknown protocol",
        '[experiment.x]\nprotocol = "Report"\n',
        says(14, "experiment.x.protocol", '"Report" is unknown', 'Did you mean "report"', '"standard"'),
    ),
    after(
        "a factor that is no key",
        '[experiment.x]\nfactor = ["lr"]\n',
        says(14, "experiment.x.factor[0]", '"lr" is not a key', 'Did you mean "optimizer.lr"', "penalty"),
    ),
    after(
        "a baseline that is not there",
        '[experiment.x]\nbaseline = "netwrk"\n',
        says(14, "experiment.x.baseline", 'no experiment "netwrk"', 'Did you mean "network"'),
    ),
    after(
        "a baseline of several variants",
        '[experiment.x]\nbaseline = "rates"\n',
        says(14, "experiment.x.baseline", '"rates" has 2 variants', '"rates@0.1" or "rates@0.01"'),
    ),
    after(
        "an entry whose name leaves the runs folder",
        '[experiment."../../x"]\n',
        says(13, 'experiment."../../x"', "cannot be the name of an entry", "letters, digits"),
    ),
    after(
        "a title that leaves the runs folder",
        '[experiment.x]\ntitle = "../x"\n',
        says(14, "experiment.x.title", '"../x" is not allowed', "letters, digits"),
    ),
    after(
        "two entries that would share a folder",
        '[experiment.x]\ntitle = "NETWORK"\n',
        says(14, "experiment.x.title", '"NETWORK" is already the title of "network" (line 7)', "share a folder"),
    ),
)

STRUCTURE = (
    after(
        "a parent that is not there",
        '[experiment.x]\nextends = "netwrok"\n',
        says(14, "experiment.x.extends", 'no entry "netwrok"', 'Did you mean "network"'),
    ),
    after(
        "a circle of parents",
        '[experiment.x]\nextends = "y"\n[experiment.y]\nextends = "z"\n[experiment.z]\nextends = "x"\n',
        says(14, "experiment.x.extends", 'circular inheritance: "x" -> "y" -> "z" -> "x"'),
        says(16, "experiment.y.extends", 'circular inheritance: "y" -> "z" -> "x" -> "y"'),
        says(18, "experiment.z.extends", 'circular inheritance: "z" -> "x" -> "y" -> "z"'),
    ),
    after(
        "a problem that is inherited, listed once",
        '[experiment.x]\ntraining.epochs = -1\n[experiment.y]\nextends = "x"\ntitle = "Y"\n',
        says(14, "experiment.x.training.epochs", "-1 is not allowed"),
    ),
    after(
        "a grid over nothing",
        "[experiment.x]\ngrid.optimizer.lr = []\n",
        says(14, "experiment.x.grid.optimizer.lr", "[] is not allowed", "a list of 1 to 200 values"),
    ),
    after(
        "a grid over a key that is not there",
        "[experiment.x]\ngrid.lr = [0.1, 0.01]\n",
        says(14, "experiment.x.grid.lr", "is not a key of a recipe", "Did you mean optimizer.lr"),
    ),
    after(
        "a grid with a value out of range",
        "[experiment.x]\ngrid.optimizer.lr = [0.1, -0.1]\n",
        says(14, "experiment.x.grid.optimizer.lr[1]", "-0.1 is not allowed", "a number above 0"),
    ),
    after(
        "a grid that names two runs alike",
        "[experiment.x]\ngrid.optimizer.lr = [0.1, 1e-1]\n",
        says(14, "experiment.x.grid.optimizer.lr[1]", "a second run", "0.1"),
    ),
    after(
        "figures of a variant that the grid lacks",
        '[experiment.x]\ngrid.optimizer.lr = [0.1, 0.2]\n[experiment.x.member."0.10"]\nconclusion = "It learns."\n',
        says(15, 'experiment.x.member."0.10"', "no such variant", 'Did you mean "0.1"', '"0.2"'),
    ),
    after(
        "figures under a tag that is not there",
        '[experiment.x]\nreference.figures."Train loss" = 0.1\n',
        says(
            14,
            'experiment.x.reference.figures."Train loss"',
            'no curve with the tag "Train loss"',
            'Did you mean "Train Loss"',
        ),
    ),
    after(
        "no seeds",
        "[experiment.x]\nseeds = 0\n",
        says(14, "experiment.x.seeds", "0 seeds are not allowed", "a count from 1 to 1,000"),
    ),
    after(
        "one seed twice",
        "[experiment.x]\nseeds = [1, 2, 1]\n",
        says(14, "experiment.x.seeds", "seed 1 is listed twice"),
    ),
    after(
        "nesterov without momentum",
        '[experiment.x]\noptimizer = { name = "sgd", nesterov = true }\n',
        says(14, "experiment.x.optimizer.nesterov", "needs a momentum above 0"),
    ),
    after(
        "means without their deviations",
        "[experiment.x]\ndata.normalize = { mean = [0.5, 0.5, 0.5], std = [0.2] }\n",
        says(14, "experiment.x.data.normalize", "3 means and 1 deviation", "one of each per channel"),
    ),
    after(
        "an entry that is no table",
        "[experiment]\nx = 3\n",
        says(14, "experiment.x", "3 is a number", "[experiment.my_dropout]"),
    ),
    after(
        "a misspelt header",
        "[experimnet.x]\noptimizer.lr = 0.1\n",
        says(13, "experimnet", "unknown key", "Did you mean experiment?", "[experiment.my_dropout]"),
    ),
    whole(
        "an entry that says too little",
        '[experiment.x]\nmodel.name = "cnn"\n',
        says(1, "experiment.x.protocol", "this key is missing", '"report" or "standard"'),
        says(1, "experiment.x.data.name", "this key is missing", '"cifar10"'),
        says(1, "experiment.x.optimizer.name", "this key is missing", '"adam"'),
    ),
    whole(
        "a title in [defaults], and a wrong rate there",
        GOOD.replace('name = "adam"', 'name = "adam"\ntitle = "X"\noptimizer.lr = 0'),
        says(6, "defaults.title", "belongs in an entry"),
        says(7, "defaults.optimizer.lr", "0 is not allowed"),
        good=("rates",),
    ),
)

SYNTAX = (
    after(
        "text without quotes",
        "[experiment.x]\ndata.name = cifar10\n",
        says(14, "experiment.x", 'Invalid value, at "cifar10". Text needs quotes.', column=13),
    ),
    after(
        "text whose last quote is missing",
        '[experiment.x]\ntitle = "Dropout\nseeds = 3\n',
        says(14, "experiment.x", "The last quote is missing", column=17),
    ),
    after(
        "a long text that is never closed",
        '[experiment.x]\ndescription = """\nIt goes on\n\n[experiment.y]\nseeds = 2\n',
        says(14, "experiment.x", "Unterminated string", "never closed", column=15),
        good=("network", "rates", "y"),
    ),
    after(
        "a list that is never closed",
        "[experiment.x]\nseeds = [0, 1\n\n[experiment.y]\nseeds = 2\n",
        says(14, "experiment.x", "Unclosed array", "The bracket that opens here is not closed", column=9),
        good=("network", "rates", "y"),
    ),
    after(
        "one key twice",
        "[experiment.x]\nseeds = 2\ntitle = 'X'\nseeds = 3\n",
        says(16, "experiment.x", "experiment.x.seeds is already on line 14"),
    ),
    after(
        "one entry twice",
        "[experiment.x]\nseeds = 2\n\n[experiment.x]\nseeds = 3\n",
        says(16, "experiment.x", "experiment.x is already on line 13"),
    ),
    after(
        "a decimal comma",
        "[experiment.x]\noptimizer.lr = 0,1\n",
        says(14, "experiment.x", "Write a decimal number with a point: 0.5", column=17),
    ),
    after(
        "Python's True",
        '[experiment.x]\noptimizer = { name = "sgd", momentum = 0.9, nesterov = True }\n',
        says(14, "experiment.x", 'Invalid value, at "True }"', "true and false are written in lower case", column=56),
    ),
    after(
        "Python's None",
        "[experiment.x]\npenalty = None\n",
        says(14, "experiment.x", 'Invalid value, at "None"', 'write "none"', column=11),
    ),
    after(
        "a header that is never closed",
        "[experiment.x\nseeds = 2\n",
        says(13, "experiment.x", "Close the header, as in: [experiment.my_dropout]", column=14),
    ),
    after(
        "a colon for an equals sign",
        "[experiment.x]\nseeds: 2\n",
        says(14, "experiment.x", 'at ": 2"', "a key, = and a value, as in: lr = 0.001", column=6),
    ),
    after(
        "a number of 5,000 digits",
        f"[experiment.x]\nseeds = {'7' * 5000}\n",
        says(14, "experiment.x", "5,000 digits", "has 19", column=9),
    ),
    after(
        "100,000 brackets",
        f"[experiment.x]\nseeds = {'[' * 100_000}\n",
        says(14, "experiment.x", "nested too deeply", column=9),
    ),
    after(
        "a key of 20,000 parts",
        f"[experiment.x]\n{'.'.join(['a'] * 20_000)} = 1\n",
        says(14, "experiment.x", "nested too deeply", column=1),
    ),
    after(
        "a NUL byte",
        '[experiment.x]\ntitle = "a\0b"\n',
        says(14, "experiment.x", r"Illegal character '\x00'", column=11),
    ),
    after(
        "a raw escape byte",
        '[experiment.x]\ntitle = "a\x1b[31mb"\n',
        says(14, "experiment.x", r"Illegal character '\x1b'", column=11),
    ),
    whole(
        "a syntax error in [defaults]",
        "[defaults]\noptimizer.lr = .1\n\n" + GOOD.split("\n\n", 1)[1],
        says(2, "", 'at ".1". A number needs a digit before the point', "Nothing can be read", column=16),
    ),
)

FILES = (
    whole("an empty file", "", says(None, "", "contains no experiment", "[experiment.my_dropout]")),
    whole("a file of comments", "# nothing\n\n", says(None, "", "contains no experiment")),
    whole("a file without entries", '[defaults]\nprotocol = "report"\n', says(None, "", "contains no experiment")),
    whole(
        "a list where entries are expected",
        "experiment = [1, 2]\n",
        says(1, "experiment", "[1, 2] is a list", "[experiment.my_dropout]"),
    ),
    whole(
        "entries as a list",
        '[[experiment]]\ntitle = "X"\n',
        says(1, "experiment", "this is a list", "[experiment.my_dropout]"),
    ),
    whole(
        "Latin-1",
        (GOOD + "# gr\u00fc\u00dfe\n").encode("latin-1"),
        says(13, "", "not UTF-8", "0xFC", "Save it as UTF-8"),
        good=("network", "rates"),
    ),
    whole("UTF-16", GOOD.encode("utf-16"), says(1, "", "UTF-16", "Save it as UTF-8")),
    whole("bytes that are no text", bytes(range(128, 256)) * 8, says(1, "", "not UTF-8")),
    whole("more than a megabyte", GOOD + "#" * 1_000_000, says(None, "", "larger than the 1,000,000 bytes")),
    whole("the line ends of very old Macs", GOOD.replace("\n", "\r"), says(1, "", "carriage return")),
    whole("JSON", '{"experiment": {"x": {}}}\n', says(1, "", "Each line holds a key, = and a value")),
    whole("YAML", "experiment:\n  x:\n    seeds: 3\n", says(1, "", "Each line holds a key, = and a value")),
)

BAD = (*VALUES, *NAMES, *STRUCTURE, *SYNTAX, *FILES)
