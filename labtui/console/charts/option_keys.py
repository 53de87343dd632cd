"""Keys that change how charts are looked at, the same on every screen that has charts."""

from abc import abstractmethod
from dataclasses import replace

from labtui.console.charts.options import Look

SMOOTHING = (0.0, 0.6, 0.9, 0.99)
"""What the key goes through; 0.6 is TensorBoard's default."""


class Looking:
    """Actions over a `look`. A screen mixes it in and says what happens when the look changed."""

    look: Look = Look()

    @abstractmethod
    def looked(self, said: str) -> None:
        """Draw again, and say what changed."""

    def action_smooth(self) -> None:
        """The next weight of the moving average."""
        later = [weight for weight in SMOOTHING if weight > self.look.smoothing]
        self._look(f"smoothing {later[0] if later else 'off'}", smoothing=later[0] if later else 0.0)

    def action_log_y(self) -> None:
        """Logarithmic y, or not."""
        self._look("linear y" if self.look.log_y else "log y", log_y=not self.look.log_y, y=None)

    def action_x_axis(self) -> None:
        """What x counts."""
        axis = self.look.axis.next()
        self._look(f"x: {axis}", axis=axis, x=None, cursor=None)

    def action_outliers(self) -> None:
        """Clip rare outliers, or not."""
        clip = not self.look.clip_outliers
        self._look("outliers clipped" if clip else "outliers shown", clip_outliers=clip)

    def _look(self, said: str, **changes: object) -> None:
        self.look = replace(self.look, **changes)  # type: ignore[arg-type]  # the callers name fields
        self.looked(said)
