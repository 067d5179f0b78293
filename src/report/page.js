// SPDX-License-Identifier: MIT
// Draws the charts of a report into their places, when these come near the screen or are to be printed. All numbers
// come from the JSON in the page. What was not measured is null there, and left out here.
(() => {
  'use strict';

  const data = JSON.parse(document.getElementById('comparison').textContent);
  const servers = data.lineup.map((entry, index) => ({
    name: entry.name,
    colour: entry.colour,
    // There are ten colours. Further servers reuse them, in another pattern.
    dash: [[], [7, 3], [2, 3], [9, 3, 2, 3]][Math.floor(index / 10) % 4],
  }));
  const cells = new Map(data.summary.map((entry) => [entry.scenario + '\n' + entry.server, entry]));

  function cell(scenario, server) {
    const entry = cells.get(data.scenarios[scenario].flags + '\n' + server.name);
    return entry && entry.result ? entry : null;
  }

  const present = (scenario) => servers.filter((server) => cell(scenario, server));

  // Numbers as text.

  function digits(value) {
    return String(Number(value.toPrecision(3)));
  }

  function duration(ns) {
    const units = [['s', 1e9], ['ms', 1e6], ['µs', 1e3], ['ns', 1]];
    const [name, size] = units.find(([, one]) => ns >= one * 0.9995) || units[3];
    return digits(ns / size) + name;
  }

  function bytes(value) {
    const units = [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]];
    const [name, size] = units.find(([, one]) => value >= one * 0.9995) || units[2];
    return digits(value / size) + ' ' + name;
  }

  function count(value) {
    const [name, size] = [['M', 1e6], ['k', 1e3], ['', 1]].find(([, one]) => value >= one) || ['', 1];
    return digits(value / size) + name;
  }

  const whole = (value) => Math.round(value).toLocaleString('en');

  function percentile(inverse) {
    if (inverse < 2)
      return inverse === 1 ? '0%' : digits(100 - 100 / inverse) + '%';
    const nines = Math.max(0, Math.ceil(Math.log10(inverse)) - 2);
    return Number((100 - 100 / inverse).toFixed(nines + 1)) + '%';
  }

  // Axes.

  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let printing = false;

  function theme() {
    return dark.matches && !printing
      ? { ink: '#e6eaee', soft: '#a3afba', grid: '#2c343d', mark: '#f2f5f8' }
      : { ink: '#1c2229', soft: '#56616d', grid: '#e3e7eb', mark: '#1c2229' };
  }

  function axis(title, format, more) {
    const { soft, grid } = theme();
    return {
      title: { display: true, text: title, color: soft },
      grid: { color: grid, borderColor: grid },
      ticks: { color: soft, callback: (value) => format(value), maxRotation: 0, autoSkipPadding: 12 },
      ...more,
    };
  }

  // The powers of ten in a range, with multiples of each where these are not too many.
  function logarithmicTicks(min, max) {
    const steps = Math.log10(max / min) > 3 ? [1] : Math.log10(max / min) > 2 ? [1, 3] : [1, 2, 5];
    const ticks = [];
    for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10)
      for (const step of steps)
        if (power * step >= min * 0.999 && power * step <= max * 1.001)
          ticks.push({ value: power * step });
    return ticks;
  }

  // Bounds just outside the values, at 1, 2 or 5 times a power of ten.
  function logarithmicBounds(values) {
    const positive = values.filter((value) => value > 0);
    if (positive.length === 0)
      return {};
    const bound = (value, steps) => {
      const power = 10 ** Math.floor(Math.log10(value));
      return power * steps(value / power);
    };
    return {
      min: bound(Math.min(...positive), (m) => (m >= 5 ? 5 : m >= 2 ? 2 : 1)),
      max: bound(Math.max(...positive), (m) => (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10)),
    };
  }

  function logarithmic(title, format, values) {
    return axis(title, format, {
      type: 'logarithmic',
      ...logarithmicBounds(values),
      afterBuildTicks: (scale) => {
        scale.ticks = logarithmicTicks(scale.min, scale.max);
      },
    });
  }

  function linear(title, format) {
    return axis(title, format, { type: 'linear', beginAtZero: true });
  }

  // Servers from top to bottom. Long names are cut here, but not in the tooltip and in the tables.
  function categories(names) {
    return axis('server', String, {
      type: 'category',
      labels: names,
      title: { display: false },
      grid: { display: false, borderColor: theme().grid },
      ticks: {
        color: theme().ink,
        autoSkip: false,
        callback(index) {
          const most = this.chart.width < 500 ? 14 : 26;
          const name = names[index];
          return name.length > most ? name.slice(0, most - 1) + '…' : name;
        },
      },
    });
  }

  // Draws the interval of each point that has one.
  const intervals = {
    id: 'intervals',
    afterDatasetsDraw(chart) {
      const { ctx } = chart;
      chart.getSortedVisibleDatasetMetas().forEach((meta) => {
        const dataset = chart.data.datasets[meta.index];
        dataset.data.forEach((point, index) => {
          if (!point || point.low == null || point.high == null || !meta.data[index])
            return;
          ctx.save();
          ctx.strokeStyle = dataset.borderColor;
          ctx.lineWidth = 1.5;
          ctx.beginPath();
          ctx.moveTo(meta.data[index].x, meta.yScale.getPixelForValue(point.low));
          ctx.lineTo(meta.data[index].x, meta.yScale.getPixelForValue(point.high));
          ctx.stroke();
          ctx.restore();
        });
      });
    },
  };

  function options(scales, label) {
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      scales,
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label } },
      },
    };
  }

  // Charts. Each takes the scenarios of its figure, and returns what Chart.js needs and the height in pixels.

  const BAR_PX = 28;
  const FRAME_PX = 64;
  const LINES_PX = 340;

  function estimate(scenario, server, key) {
    const entry = cell(scenario, server);
    return (entry && entry.estimates[key]) || { median: null, low: null, high: null };
  }

  function bars(names, axisX, datasets, label, perServer) {
    const config = {
      type: 'bar',
      data: { labels: names, datasets },
      options: options({ x: axisX, y: categories(names) }, label),
    };
    config.options.indexAxis = 'y';
    config.options.plugins.tooltip.callbacks.title = (items) => names[items[0].parsed.y];
    return { config, height: FRAME_PX + names.length * BAR_PX * perServer };
  }

  function throughput([scenario]) {
    const list = present(scenario);
    const names = list.map((server) => server.name);
    const { mark } = theme();
    const of = list.map((server) => estimate(scenario, server, 'requests_per_second'));
    const dots = (failed) => data.trials.filter((trial) => trial.scenario === data.scenarios[scenario].flags &&
      trial.result && names.includes(trial.server) && (trial.failed != null) === failed)
      .map((trial) => ({ x: trial.result.requests.per_second, y: trial.server }));
    const datasets = [
      {
        label: 'a trial', type: 'scatter', data: dots(false), pointRadius: 3, pointHoverRadius: 5, borderWidth: 1,
        backgroundColor: mark, borderColor: theme().grid,
      },
      {
        label: 'a failed trial', type: 'scatter', data: dots(true), pointStyle: 'crossRot', pointRadius: 4,
        pointHoverRadius: 6, borderWidth: 2, backgroundColor: mark, borderColor: mark,
      },
      {
        label: 'interval', data: of.map((e) => (e.low == null ? null : [e.low, e.high])), grouped: false,
        barThickness: 4, backgroundColor: mark,
      },
      {
        label: 'median', data: of.map((e) => e.median), grouped: false, barPercentage: 0.75,
        backgroundColor: list.map((server) => server.colour),
      },
    ];
    const known = datasets.filter(({ data: values }) => values.some((value) => value != null));
    return bars(names, linear('requests per second', count), known, (item) => {
      const value = item.dataset.label === 'interval' ? of[item.dataIndex] : null;
      return item.dataset.label + ': ' +
        (value ? `${whole(value.low)} to ${whole(value.high)}` : whole(item.parsed.x)) + ' requests/s';
    }, 1);
  }

  function cpu([scenario]) {
    const list = present(scenario);
    const results = list.map((server) => cell(scenario, server).result);
    const share = ({ server: { cpu_user: user, cpu_system: system, cpu_per_request: all } }, part) =>
      user == null || system == null || all == null ? null
        : user + system === 0 ? 0 : (all * (part === 'user' ? user : system)) / (user + system);
    const datasets = [
      {
        label: 'server, user', stack: 'server', backgroundColor: '#3b82c4',
        data: results.map((result) => share(result, 'user')),
      },
      {
        label: 'server, system', stack: 'server', backgroundColor: '#e07b1a',
        data: results.map((result) => share(result, 'system')),
      },
      {
        label: 'load generator', stack: 'generator', backgroundColor: '#9aa3ad',
        data: results.map((result) => result.generator.cpu_per_request),
      },
    ];
    const x = linear('CPU time per request (µs)', (ns) => digits(ns / 1e3));
    x.stacked = true;
    const drawn = bars(list.map((server) => server.name), x, datasets,
      (item) => item.dataset.label + ': ' + duration(item.parsed.x), 1.3);
    drawn.config.options.scales.y.stacked = true;
    return drawn;
  }

  function memoryBars(scenario) {
    const list = present(scenario).filter((server) => estimate(scenario, server, 'max_rss').median != null);
    return bars(list.map((server) => server.name), linear('max RSS', bytes), [{
      label: 'max RSS',
      data: list.map((server) => estimate(scenario, server, 'max_rss').median),
      backgroundColor: list.map((server) => server.colour),
    }], (item) => bytes(item.parsed.x), 1);
  }

  // A line for each server, through the points that points(server) returns.
  function lines(points, x, y, label, dots) {
    const datasets = [];
    for (const server of servers) {
      const known = points(server).filter((point) => point.y != null);
      if (known.length > 0)
        datasets.push({
          label: server.name, data: known, borderColor: server.colour, backgroundColor: server.colour,
          borderDash: server.dash, borderWidth: 2, pointRadius: dots ? 3 : 0, pointHitRadius: 8, clip: 6,
        });
    }
    const values = (name) => datasets.flatMap((dataset) => dataset.data.map((point) => point[name]));
    const config = {
      type: 'line',
      data: { datasets },
      options: options({ x: x(values('x')), y: y(values('y')) }, label),
      plugins: [intervals],
    };
    config.options.parsing = false;
    config.options.normalized = true;
    config.options.plugins.tooltip.callbacks.title = () => '';
    return { config, height: LINES_PX };
  }

  function curves(scenario, name, title) {
    const x = (values) => {
      const ticks = [1, 2, 10, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
      return axis('share of the samples that took no longer', percentile, {
        type: 'logarithmic',
        min: 1,
        max: Math.max(10, ...values),
        afterBuildTicks: (scale) => {
          // The first two are too close together where the axis is long and the screen narrow.
          const room = (scale.width * Math.log10(2)) / Math.log10(scale.max) > 48;
          scale.ticks = ticks.filter((value) => value <= scale.max && (room || value !== 2)).map((value) => ({ value }));
        },
      });
    };
    return lines((server) => {
      const entry = cell(scenario, server);
      const latency = entry && entry.result[name];
      return ((latency && latency.curve) || []).map(([inverse, ns]) => ({ x: inverse, y: ns }));
    }, x, (values) => logarithmic(title, duration, values),
    (item) => `${item.dataset.label}: ${percentile(item.parsed.x)} within ${duration(item.parsed.y)}`, false);
  }

  const moments = ['p50', 'p99', 'max'];

  function time([scenario], chosen) {
    const drawn = lines((server) => {
      const entry = cell(scenario, server);
      return ((entry && entry.result.intervals) || []).map((interval) => ({
        x: interval.at / 1e9, y: interval[chosen],
      }));
    }, () => axis('time since the measurement began (s)', (value) => digits(value), { type: 'linear' }),
    (values) => logarithmic(`${chosen} of the latency in each interval`, duration, values),
    (item) => `${item.dataset.label}: ${chosen} ${duration(item.parsed.y)} at ${digits(item.parsed.x)} s`, true);
    drawn.choices = moments;
    return drawn;
  }

  // Each server's first trial that has stages: the latency of each over its rate.
  function stages([scenario], chosen) {
    const drawn = lines((server) => {
      const trial = data.trials.find((entry) => entry.server === server.name &&
        entry.scenario === data.scenarios[scenario].flags && entry.result && entry.result.stages);
      return (trial ? trial.result.stages : []).map((stage) => ({
        x: stage.config.rate, y: stage.latency && stage.latency[chosen],
      }));
    }, (values) => (Math.max(...values) > 20 * Math.min(...values)
      ? logarithmic('offered requests per second', count, values) : linear('offered requests per second', count)),
    (values) => logarithmic(`${chosen} of the latency`, duration, values),
    (item) => `${item.dataset.label}: ${chosen} ${duration(item.parsed.y)} at ${count(item.parsed.x)}/s`, true);
    drawn.choices = moments;
    return drawn;
  }

  // Each server a dot, at what a request costs the machine and how long it takes; the settings of one, NAME+SETTING, are
  // joined, and so are those that none beats in both.
  function frontier([scenario], chosen) {
    const groups = new Map();
    const points = [];
    for (const server of present(scenario)) {
      const x = estimate(scenario, server, 'machine_cpu_per_request').median;
      const y = estimate(scenario, server, chosen).median;
      const [name] = server.name.split('+');
      if (x == null || y == null)
        continue;
      if (!groups.has(name))
        groups.set(name, { colour: server.colour, dash: server.dash, points: [] });
      groups.get(name).points.push({ x, y, name: server.name });
      points.push({ x, y, name: server.name });
    }
    const beaten = (a) => points.some((b) => b.x <= a.x && b.y <= a.y && (b.x < a.x || b.y < a.y));
    const byX = (a, b) => a.x - b.x;
    const front = points.filter((point) => !beaten(point)).sort(byX);
    const datasets = [...groups].map(([label, group]) => ({
      label, data: group.points.sort(byX), showLine: group.points.length > 1, borderColor: group.colour, borderWidth: 1.5,
      backgroundColor: group.colour, borderDash: group.dash, pointRadius: 5, pointHoverRadius: 7,
    }));
    datasets.push({
      label: 'the front', data: front, showLine: true, borderColor: theme().mark, borderWidth: 1.5, borderDash: [2, 3],
      backgroundColor: theme().mark, pointRadius: 0, pointHitRadius: 0,
    });
    const config = {
      type: 'scatter',
      data: { datasets },
      options: options({
        x: axis("the machine's CPU time per request (µs)", (ns) => digits(ns / 1e3), { type: 'linear' }),
        y: logarithmic(`${chosen} of the latency`, duration, points.map((point) => point.y)),
      }, (item) => `${item.raw.name}: ${chosen} ${duration(item.parsed.y)} for ${duration(item.parsed.x)}`),
    };
    return { config, height: LINES_PX, choices: ['p50', 'p99'] };
  }

  function against(scenarios, at, key, titleX, y, label) {
    return lines((server) => scenarios.map((scenario) => {
      const { median, low, high } = estimate(scenario, server, key);
      return { x: at(scenario, server), y: median, low, high };
    }).filter((point) => point.x != null),
    (values) => logarithmic(titleX, count, values), y, label, true);
  }

  function memory(scenarios) {
    if (scenarios.length === 1)
      return memoryBars(scenarios[0]);
    return against(scenarios, (scenario, server) => {
      const entry = cell(scenario, server);
      return entry ? entry.result.config.connections : null;
    }, 'max_rss', 'connections', (values) => logarithmic('max RSS', bytes, values),
    (item) => `${item.dataset.label}: ${bytes(item.parsed.y)} for ${whole(item.parsed.x)} connections`);
  }

  function sweep(key) {
    const rate = data.sweep && data.sweep.key === 'rate';
    const format = key === 'requests_per_second' ? count : duration;
    return (scenarios) => against(scenarios, (scenario) => data.scenarios[scenario].sweep_value, key,
      rate ? 'offered requests per second' : 'connections',
      (values) => (key === 'requests_per_second' ? linear('requests per second', count)
        : logarithmic(`${key} of the latency`, duration, values)),
      (item) => `${item.dataset.label}: ${format(item.parsed.y)} at ${count(item.parsed.x)}`);
  }

  const charts = {
    throughput,
    latency: ([scenario]) => curves(scenario, 'latency', 'latency'),
    connect: ([scenario]) => curves(scenario, 'connect_latency', 'time to connect'),
    time,
    stages,
    frontier,
    cpu,
    memory,
    'sweep-throughput': sweep('requests_per_second'),
    'sweep-p50': sweep('p50'),
    'sweep-p99': sweep('p99'),
  };

  // Figures.

  const SVG = 'http://www.w3.org/2000/svg';

  function sample(dataset) {
    const svg = document.createElementNS(SVG, 'svg');
    // Bars that each have their server's colour have none in common.
    const colour = Array.isArray(dataset.backgroundColor) ? theme().soft : dataset.backgroundColor;
    const [name, attributes] = dataset.borderDash
      ? ['line', { x1: 0, x2: 24, y1: 6, y2: 6, stroke: colour, 'stroke-width': 3, 'stroke-dasharray': dataset.borderDash.join(' ') }]
      : dataset.pointStyle ? ['path', { d: 'M8 2 L16 10 M16 2 L8 10', stroke: colour, 'stroke-width': 2 }]
        : dataset.type === 'scatter' ? ['circle', { cx: 12, cy: 6, r: 4, fill: colour }]
        : dataset.barThickness ? ['rect', { x: 2, y: 4, width: 20, height: 4, fill: colour }]
          : ['rect', { x: 6, y: 0, width: 12, height: 12, fill: colour }];
    const shape = document.createElementNS(SVG, name);
    svg.setAttribute('viewBox', '0 0 24 12');
    svg.setAttribute('aria-hidden', 'true');
    for (const [attribute, value] of Object.entries(attributes))
      shape.setAttribute(attribute, value);
    svg.append(shape);
    return svg;
  }

  function button(text, pressed, click) {
    const element = document.createElement('button');
    const span = document.createElement('span');
    element.type = 'button';
    element.title = text;
    element.setAttribute('aria-pressed', String(pressed));
    element.addEventListener('click', () => click(element));
    span.textContent = text;
    element.append(span);
    return element;
  }

  function list(name) {
    const element = document.createElement('div');
    element.className = name;
    return element;
  }

  function legend(figure, state) {
    const element = list('legend');
    state.chart.data.datasets.forEach((dataset, index) => {
      state.chart.setDatasetVisibility(index, !state.hidden.has(dataset.label));
      const entry = button(dataset.label, !state.hidden.has(dataset.label), (self) => {
        const visible = state.hidden.has(dataset.label);
        if (visible)
          state.hidden.delete(dataset.label);
        else
          state.hidden.add(dataset.label);
        state.chart.setDatasetVisibility(index, visible);
        state.chart.update();
        self.setAttribute('aria-pressed', String(visible));
      });
      entry.prepend(sample(dataset));
      element.append(entry);
    });
    state.chart.update();
    figure.querySelector('.plot').after(element);
  }

  function choice(figure, state, names) {
    const element = list('choice');
    for (const name of names)
      element.append(button(name, name === state.chosen, () => {
        state.chosen = name;
        draw(figure, state);
      }));
    figure.querySelector('.plot').before(element);
  }

  function draw(figure, state) {
    const plot = figure.querySelector('.plot');
    const drawn = (name) => charts[figure.dataset.chart](state.scenarios, name);
    const empty = ({ config: { data: { datasets } } }) => datasets.length === 0;
    if (empty(drawn(state.chosen))) // too few samples for such a percentile
      state.chosen = (drawn(state.chosen).choices || []).find((name) => !empty(drawn(name))) || state.chosen;
    const { config, height, choices } = drawn(state.chosen);
    const canvas = document.createElement('canvas');
    if (state.chart)
      state.chart.destroy();
    figure.querySelectorAll('.legend, .choice').forEach((element) => element.remove());
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', figure.querySelector('figcaption').textContent.trim());
    plot.style.height = `${height}px`;
    plot.replaceChildren(canvas);
    state.chart = new window.Chart(canvas, config);
    if (choices)
      choice(figure, state, choices);
    legend(figure, state);
  }

  function offerData() {
    const paragraph = document.getElementById('raw');
    const blob = new Blob([JSON.stringify(data)], { type: 'application/json' });
    paragraph.querySelector('a').href = URL.createObjectURL(blob);
    paragraph.hidden = false;
  }

  function start() {
    const states = new Map();
    document.querySelectorAll('figure[data-chart]').forEach((figure) => states.set(figure, {
      scenarios: figure.dataset.scenarios.split(',').map(Number), hidden: new Set(), chosen: 'p99', chart: null,
    }));
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting && !states.get(target).chart)
          draw(target, states.get(target));
    }, { rootMargin: '900px' });
    const redraw = (all) => states.forEach((state, figure) => {
      if (all || state.chart)
        draw(figure, state);
    });
    // A place has its height before its chart is drawn, so that nothing moves under the reader's eyes.
    states.forEach((state, figure) => {
      figure.querySelector('.plot').style.height = `${LINES_PX}px`;
      near.observe(figure);
    });
    dark.addEventListener('change', () => redraw(false));
    window.addEventListener('beforeprint', () => {
      printing = true;
      redraw(true);
    });
    window.addEventListener('afterprint', () => {
      printing = false;
      redraw(false);
    });
  }

  offerData();
  if (window.Chart)
    start();
})();
