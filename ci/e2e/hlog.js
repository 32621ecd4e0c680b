// Reads an HdrHistogram log with npm's hdr-histogram-js, adds up the intervals of
// each tag, and prints the percentiles as JSON. Usage: node hlog.js LOG
const fs = require("fs");
const hdr = require("hdr-histogram-js");

const log = fs.readFileSync(process.argv[2], "utf8");
const tags = hdr.listTags(log);
const sums = {};
const reader = new hdr.HistogramLogReader(log, 64);
for (let h = reader.nextIntervalHistogram(); h !== null; h = reader.nextIntervalHistogram()) {
  const seen = (sums[h.tag] = sums[h.tag] || {
    sum: hdr.build({ bitBucketSize: 64, lowestDiscernibleValue: 1000, highestTrackableValue: 3.6e12, numberOfSignificantValueDigits: 3 }),
    intervals: 0,
    from: h.startTimeStampMsec,
  });
  seen.sum.add(h);
  seen.intervals++;
}
const told = {};
for (const tag of tags) {
  const { sum, intervals, from } = sums[tag];
  told[tag] = { n: sum.totalCount, intervals, from };
  for (const p of [50, 90, 95, 99]) {
    told[tag]["p" + p + "_ns"] = sum.getValueAtPercentile(p);
  }
}
console.log(JSON.stringify(told));
