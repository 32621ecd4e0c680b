// What moves by itself. Every page works without this file.
"use strict";

// A slider and the number it stands for follow each other; the number is sent.
for (const slider of document.querySelectorAll("input.slider")) {
  const number = document.getElementById(slider.dataset.for);
  slider.hidden = false;
  slider.addEventListener("input", () => { number.value = slider.value; });
  number.addEventListener("input", () => { slider.value = number.value; });
}

const source = document.body.dataset.live;
if (source && "EventSource" in window) {
  const state = document.getElementById("live");
  const pause = document.getElementById("pause");
  let stream = null, paused = false;

  const say = (word, kind) => {
    if (state.textContent !== word) state.textContent = word;
    state.className = "live " + kind;
  };

  // A part of the page in which something is selected is left as it is.
  const selected = (part) => {
    const s = getSelection();
    return !s.isCollapsed && (part.contains(s.anchorNode) || part.contains(s.focusNode));
  };

  const close = () => {
    if (stream) stream.close();
    stream = null;
  };

  const open = () => {
    if (stream || paused || document.hidden) return;
    stream = new EventSource(source);
    stream.addEventListener("open", () => say("Live", "on"));
    stream.addEventListener("region", (e) => {
      const { id, html } = JSON.parse(e.data);
      const part = document.getElementById(id);
      if (part && !selected(part)) part.innerHTML = html;
    });
    stream.addEventListener("ended", () => location.reload());
    stream.addEventListener("error", () => {
      say("Connection lost", "lost");
      if (!stream || stream.readyState !== EventSource.CLOSED) return; // it tries again by itself
      close();
      fetch("/admin/flags").then((r) => {
        if (r.status === 401) location.reload();
        setTimeout(open, 3000);
      }, () => setTimeout(open, 3000));
    });
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    if (paused) {
      close();
      say("Paused", "paused");
    } else {
      open();
    }
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
