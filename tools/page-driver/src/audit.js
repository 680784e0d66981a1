// Looks at what the page shows at this moment, as somebody in the last row does: which texts lie on each other, are cut off or cannot be
// told from what is behind them, and which lines and surfaces cannot. Evaluates to a list of sentences, empty when nothing is wrong.
(() => {
  const found = new Map();
  const complain = (kind, what, more) => found.set(`${kind}: ${what.trim().replace(/\s+/g, ' ').slice(0, 60)}`, more);
  // Whatever lies at a point counts, also what lets the pointer through.
  const sheet = document.head.appendChild(document.createElement('style'));
  sheet.textContent = '* { pointer-events: auto !important; transition: none !important; animation: none !important }';
  const seen = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
  const cut = (a, b) => ({ left: Math.max(a.left, b.left), top: Math.max(a.top, b.top), right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom) });
  const wide = rect => rect.right - rect.left, high = rect => rect.bottom - rect.top;
  const name = element => element.closest('[data-select]')?.dataset.select ?? (element.closest('[class]')?.getAttribute('class') ?? element.tagName);

  // Colours, as [red, green, blue, alpha] from 0 to 1.
  const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const colour = text => {
    if (!known.has(text)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      known.set(text, [...pen.getImageData(0, 0, 1, 1).data].map(part => part / 255));
    }
    return known.get(text);
  };
  const over = (top, below) => [0, 1, 2].map(part => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
  const light = ([red, green, blue]) => {
    const part = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const faded = (element, paint, own) => {
    let alpha = paint[3] * own;
    for (let at = element; at; at = at.parentElement) alpha *= Number(getComputedStyle(at).opacity);
    return [paint[0], paint[1], paint[2], alpha];
  };
  const isSvg = element => element instanceof SVGElement && !(element instanceof SVGSVGElement);
  const read = new Map();
  // What an element paints its surface with at a point, if anything.
  const surface = (element, x, y) => {
    const style = getComputedStyle(element);
    if (element instanceof HTMLCanvasElement) {
      const rect = element.getBoundingClientRect();
      const at = [(x - rect.left) * element.width / rect.width, (y - rect.top) * element.height / rect.height].map(Math.floor);
      if (!read.has(element)) read.set(element, element.getContext('2d').getImageData(0, 0, element.width, element.height).data);
      const [column, row] = at.map((place, axis) => Math.max(0, Math.min(place, (axis ? element.height : element.width) - 1)));
      const offset = (row * element.width + column) * 4;
      return [0, 1, 2, 3].map(part => read.get(element)[offset + part] / 255);
    }
    if (!isSvg(element)) return faded(element, colour(style.backgroundColor), 1);
    if (['text', 'tspan', 'g', 'title'].includes(element.tagName)) return [0, 0, 0, 0];
    const filled = style.fill !== 'none' && (element.isPointInFill?.(local(element, x, y)) ?? true);
    return filled ? faded(element, colour(style.fill), Number(style.fillOpacity)) : faded(element, colour(style.stroke === 'none' ? 'transparent' : style.stroke), Number(style.strokeOpacity));
  };
  const local = (element, x, y) => new DOMPoint(x, y).matrixTransform(element.getScreenCTM().inverse());
  // What is seen at a point of these elements, from the front to the back.
  const blend = (stack, x, y) => {
    const layers = [];
    for (const one of stack) {
      const paint = surface(one, x, y);
      if (paint[3] > 0) layers.push(paint);
      if (paint[3] > 0.99) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), colour(getComputedStyle(document.documentElement).backgroundColor));
  };
  // What lies behind a text at a point.
  const behind = (element, x, y) => {
    const stack = document.elementsFromPoint(x, y), at = stack.indexOf(element);
    return blend(stack.slice(isSvg(element) ? at + 1 : at), x, y);
  };
  // The part of a rectangle that nothing around it hides.
  const shown = (element, rect) => {
    let left = cut(rect, seen);
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.visibility === 'hidden' || style.display === 'none' || Number(style.opacity) === 0) return null;
      if (style.clipPath !== 'none') return null;
      if (style.overflow !== 'visible' && !isSvg(at)) left = cut(left, at.getBoundingClientRect());
    }
    return wide(left) > 1 && high(left) > 1 ? left : null;
  };

  // Texts: one entry a line.
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || ['SCRIPT', 'STYLE', 'title', 'TITLE', 'OPTION', 'TEXTAREA'].includes(element.tagName)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      const rect = shown(element, line);
      if (!rect || wide(line) < 2) continue;
      const points = [0.15, 0.5, 0.85].map(share => [rect.left + wide(rect) * share, (rect.top + rect.bottom) / 2]);
      const uncovered = points.filter(([x, y]) => {
        const stack = document.elementsFromPoint(x, y), at = stack.findIndex(one => one === element || (one.contains(element) && !isSvg(one)) || element.contains(one));
        return at >= 0 && !stack.slice(0, at).some(one => surface(one, x, y)[3] > 0.5);
      });
      if (uncovered.length > 0) texts.push({ element, text: node.data, line, rect, points: uncovered, moving: Boolean(element.closest('#orrery-moving')) });
    }
  }
  // A stage is no place to scroll: what is beyond its edge is lost.
  for (const { element, text, line, rect } of texts) {
    const scrolls = [...ancestors(element)].some(one => /auto|scroll/.test(getComputedStyle(one).overflowX + getComputedStyle(one).overflowY));
    if (!scrolls && (wide(line) - wide(rect) > 2 || high(line) - high(rect) > 3)) complain('cut off', text, `${name(element)} at ${Math.round(line.left)}, ${Math.round(line.top)}`);
    if (element.closest('.scene') && /…/.test(text.trim()) && !element.closest('#orrery-moving')) complain('shortened', text, name(element));
  }
  function* ancestors(element) { for (let at = element; at; at = at.parentElement) yield at; }
  for (const element of document.querySelectorAll('body *')) {
    if (isSvg(element) || element.closest('svg') || !element.textContent.trim() || element.closest('.sr-only')) continue;
    const style = getComputedStyle(element);
    if (/hidden|clip/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1 && shown(element, element.getBoundingClientRect())
      && !/^(STYLE|SECTION|MAIN|BODY|SELECT)$/.test(element.tagName)) {
      complain('cut off', element.textContent, `${name(element)}: ${element.scrollWidth} in ${element.clientWidth}`);
    }
  }
  // Texts on each other: the ink takes the middle of a line.
  const ink = rect => ({ left: rect.left + 1, right: rect.right - 1, top: rect.top + high(rect) * 0.22, bottom: rect.bottom - high(rect) * 0.22 });
  texts.forEach((a, index) => {
    for (const b of texts.slice(index + 1)) {
      if (a.element === b.element || a.moving || b.moving) continue;
      const both = cut(ink(a.rect), ink(b.rect));
      if (wide(both) < 2 || high(both) < 2) continue;
      const [x, y] = [(both.left + both.right) / 2, (both.top + both.bottom) / 2];
      const stack = document.elementsFromPoint(x, y), order = [a, b].map(one => stack.findIndex(have => have === one.element || have.contains(one.element)));
      // A surface between them hides the lower one.
      const [first, last] = [Math.min(...order), Math.max(...order)];
      if (first >= 0 && stack.slice(first, last).some(one => surface(one, x, y)[3] > 0.7)) continue;
      complain('on each other', `${a.text.trim()} / ${b.text.trim()}`, `${name(a.element)} / ${name(b.element)} at ${Math.round(x)}, ${Math.round(y)}`);
    }
  });
  // Contrast of texts: 4.5, or 3 where they are large (24 px, or 18.5 px bold).
  for (const { element, text, points } of texts) {
    if (element.closest(':disabled, [aria-disabled=true]')) continue;
    const style = getComputedStyle(element), svg = isSvg(element);
    const size = parseFloat(style.fontSize) * (svg ? element.getScreenCTM().a : 1);
    // Cells of pods are as large as there is room; their tags are told when somebody points at them.
    if (size < 10 && !element.closest('.pod')) complain('small text', text, `${size.toFixed(1)}, ${name(element)}`);
    const least = size >= 24 || (size >= 18.5 && Number(style.fontWeight) >= 600) ? 3 : 4.5;
    const paint = faded(element, colour(svg ? style.fill : style.color), 1);
    const halo = svg && style.paintOrder.startsWith('stroke') && style.stroke !== 'none';
    const ratios = points.map(([x, y]) => {
      const ground = halo ? over(faded(element, colour(style.stroke), 1), behind(element, x, y)) : behind(element, x, y);
      return contrast(over(paint, ground), ground);
    });
    // A wire that a letter crosses is not its ground: the better half counts.
    const ratio = ratios.sort((a, b) => b - a)[Math.floor((ratios.length - 1) / 2)];
    if (ratio < least - 0.02) complain('faint text', text, `${ratio.toFixed(2)} instead of ${least}, ${name(element)}`);
  }
  // Names do not leave their boxes.
  for (const text of document.querySelectorAll('.scene text')) {
    const box = [...text.parentElement.children].find(one => one.matches('rect.box')), rect = text.getBoundingClientRect();
    if (!box || !shown(text, rect)) continue;
    const room = box.getBoundingClientRect(), most = ink(rect);
    if (most.left < room.left - 1 || most.right > room.right + 1 || most.top < room.top - 1 || most.bottom > room.bottom + 1) {
      complain('leaves its box', text.textContent, name(text));
    }
  }
  // Contrast of what is drawn: its edge or its surface against what is beside it.
  const drawn = '.scene rect, .scene path, .sequence-scroll path, .sequence-scroll line, .chart svg polyline, .chart svg path';
  for (const element of document.querySelectorAll(drawn)) {
    const style = getComputedStyle(element), rect = shown(element, element.getBoundingClientRect());
    if (!rect || element.closest('defs') || /^(ground|casing|said-row|glow|box veil|box legend)$/.test(element.getAttribute('class') ?? '')) continue;
    const edge = style.stroke !== 'none' && parseFloat(style.strokeWidth) > 0 ? faded(element, colour(style.stroke), Number(style.strokeOpacity)) : null;
    const fill = style.fill !== 'none' ? faded(element, colour(style.fill), Number(style.fillOpacity)) : null;
    const ratios = [];
    const length = element.getTotalLength?.() ?? 0, matrix = element.getScreenCTM();
    for (const share of [0.13, 0.37, 0.61, 0.87]) {
      const at = element.getPointAtLength(length * share).matrixTransform(matrix);
      if (at.x < rect.left || at.x > rect.right || at.y < rect.top || at.y > rect.bottom) continue;
      const stack = document.elementsFromPoint(at.x, at.y), place = stack.indexOf(element);
      // Where something lies above, nothing is lost; what the scheduler's tints lie on stands back while it decides, only texts do not.
      if (stack.slice(0, Math.max(place, 0)).some(one => surface(one, at.x, at.y)[3] > 0.5 || one.matches('.box[class*=heat-]'))) continue;
      const ground = blend(stack.slice(place + 1), at.x, at.y);
      const beside = [[4, 0], [-4, 0], [0, 4], [0, -4]].map(([x, y]) => [at.x + x, at.y + y])
        .map(([x, y]) => blend(document.elementsFromPoint(x, y).filter(one => one !== element), x, y))
        .map(other => Math.max(edge ? contrast(over(edge, ground), other) : 1, fill ? contrast(over(fill, ground), other) : 1));
      // On one side of it at least.
      ratios.push(Math.max(...beside));
    }
    if (ratios.length === 0) continue;
    const ratio = ratios.sort((a, b) => b - a)[Math.floor((ratios.length - 1) / 2)];
    if (ratio < 2.98) complain('faint mark', `${element.getAttribute('class')} ${element.closest('[data-select]')?.dataset.select.split('/')[0] ?? ''}`, ratio.toFixed(2));
  }
  sheet.remove();
  return [...found].map(([what, more]) => `${what} (${more})`);
})()
