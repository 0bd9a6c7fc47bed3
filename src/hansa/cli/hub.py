"""`hansa hub`: where entries are put in order, and how another one takes over."""

from cyclopts import App

from hansa.cli import handover

app = App(name="hub", help="Replace the hub.")
app.command(handover.app)
