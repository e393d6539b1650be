import { z } from 'zod';
import { parseJson, validate } from './apimodel-file.js';

const schema = z.looseObject({
  properties: z.looseObject({
    windowsProfile: z
      .looseObject({
        adminUsername: z.string('a text').nullish(),
        /** A reference into a Key Vault, where it is no text. */
        adminPassword: z.unknown(),
        sshEnabled: z.boolean('true or false').nullish(),
      })
      .nullish(),
  }),
});

/** Who is the administrator of the Windows agents, as far as the model says. The password is secret. */
export interface WindowsProfile {
  readonly sshEnabled: boolean;
  readonly username: string;
  /** Undefined when the model has none, or only a reference to where it is kept. */
  readonly password?: string;
}

const ADVICE = "use the apimodel.json from the cluster's aks-engine output folder (_output/<cluster>/)";

/** The model's windowsProfile, or undefined for a cluster without. @throws ModelError */
export function windowsProfileOf({ file, text }: { file: string; text: string }): WindowsProfile | undefined {
  const { properties } = validate(schema, parseJson(text, file, ADVICE), { file, advice: ADVICE });
  const profile = properties.windowsProfile;
  if (!profile) return undefined;
  const { adminPassword: password } = profile;
  const usable = typeof password === 'string' && password !== '' && !/^\/subscriptions\//.test(password);
  return {
    // aks-engine's own default, from the time on at which it writes the field at all.
    sshEnabled: profile.sshEnabled ?? false,
    username: profile.adminUsername ?? '',
    ...(usable ? { password } : {}),
  };
}
