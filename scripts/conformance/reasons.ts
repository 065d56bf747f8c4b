/** Why a statement that binds a server has no test, for good: what it speaks of, this broker does not do. */
export const REASONS: Readonly<Record<string, string>> = {
  'MQTT-3.3.4-5': 'one copy is sent, with all identifiers: MQTT-3.3.4-3',
  '3.1.1 MQTT-3.8.3-2': 'filters with wildcards are always supported',
  '3.1.1 MQTT-7.0.0-1': 'it connects to no other server',
}
