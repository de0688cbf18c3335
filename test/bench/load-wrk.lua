local body = os.getenv("POST_BODY")
if body then
  wrk.method = "POST"
  wrk.body = body
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  local shape = '{"requests":%d,"failed":%d,"seconds":%f,"p50":%f,"p99":%f}\n'
  local ms = function(share) return latency:percentile(share) / 1000 end
  io.write(shape:format(summary.requests, failed, summary.duration / 1000000, ms(50), ms(99)))
end
