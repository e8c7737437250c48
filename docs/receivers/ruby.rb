# Verifies a callback of Ringback with Ruby alone.
require "json"
require "openssl"

TOLERANCE_SECONDS = 5 * 60

class InvalidCallback < StandardError; end

# Returns the event.
#
# secret:: whsec_…
# headers:: by name, such as request.headers in Rails
# body:: as it came, before anything parses it: request.raw_post in Rails
#
# Raises InvalidCallback when Ringback did not send it, or not just now.
def verify_callback(secret, headers, body)
  key = secret.delete_prefix("whsec_").unpack1("m")
  raise InvalidCallback, "the secret is not the whsec_ one of CALLBACK_SECRET" if key.bytesize < 24
  id, timestamp, signatures = %w[webhook-id webhook-timestamp webhook-signature].map { |name| headers[name] }
  raise InvalidCallback, "a webhook header is missing" unless id && timestamp && signatures

  mac = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.#{body}")
  expected = "v1,#{[mac].pack("m0")}"
  matches = signatures.split(" ").any? { |signature| OpenSSL.secure_compare(signature, expected) }
  raise InvalidCallback, "no signature matches" unless matches

  age = Time.now.to_i - Integer(timestamp, 10)
  raise InvalidCallback, "the timestamp is #{age} s old" if age.abs > TOLERANCE_SECONDS
  JSON.parse(body)
end

# Run by itself it checks one callback, {"headers": {…}, "body": "…"} on standard input.
if __FILE__ == $PROGRAM_NAME
  callback = JSON.parse($stdin.read.force_encoding("UTF-8"))
  begin
    event = verify_callback(ENV.fetch("CALLBACK_SECRET", ""), callback["headers"], callback["body"])
    puts "valid: #{event["type"]} of #{event["timestamp"]}"
  rescue InvalidCallback => error
    puts "invalid: #{error.message}"
    exit 1
  end
end
