// Runs before anything is drawn, so that a remembered theme does not flash the other one first.
try {
  const theme = localStorage.getItem("lanwire.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // storage is forbidden: the system's theme it is
}
